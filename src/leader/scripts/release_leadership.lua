-- Frees the lock and ends the term in its note, if the lock is still ours. Returns 1, or 0 if it is
-- not.
-- KEYS: lock, note of the last term. ARGV: our value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local note = redis.call('GET', KEYS[2])
if note then
  redis.call('SET', KEYS[2], (note:gsub('%d+$', '0')))
end
return redis.call('DEL', KEYS[1])
