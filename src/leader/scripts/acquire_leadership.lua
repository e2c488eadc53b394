-- Takes the lock if it is free or already ours. Returns the fencing token, or 0 if someone else
-- leads. The token also grows when Redis has lost the last one, as long as its clock does not go
-- back.
-- KEYS: lock, fencing token. ARGV: our value, time to live in ms.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local token = math.max(last + 1, now)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], string.format('%.0f', token))
return token
