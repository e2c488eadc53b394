-- Prolongs the lock, and the term in its note, if it is still ours. Returns 1, or 0 if it is not.
-- Where Redis is out of memory the note cannot be written, and the lock alone must do.
-- KEYS: lock, note of the last term. ARGV: our value, time to live in ms.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local here = redis.call('INFO', 'server'):match('run_id:(%w+)')
redis.pcall('SET', KEYS[2], string.format('%s %.0f', here, now + ARGV[2]))
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
