-- Frees the lock if it is still ours. Returns 1, or 0 if it is not.
-- KEYS: lock. ARGV: our value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
