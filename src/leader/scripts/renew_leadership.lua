-- Prolongs the lock, and the term in its note, if it is still ours. Returns 1, or 0 if it is not.
-- Where Redis is out of memory the note cannot be written, and is removed: without one, too, nobody
-- is elected before the term has ended.
-- KEYS: lock, note of the last term. ARGV: our value, time to live in ms.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.pcall('INFO', 'server')  -- may be forbidden or renamed
local here = type(info) == 'string' and info:match('run_id:(%w+)') or 'unknown'
local written = redis.pcall('SET', KEYS[2], string.format('%s %.0f', here, now + ARGV[2]))
if written.err then
  redis.call('DEL', KEYS[2])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
