-- Returns id, host name, id, host name ... of the nodes that are alive; "unknown" for a host name
-- that is missing.
-- KEYS: heartbeats, nodes. ARGV: time to live in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('(%.0f', now - ARGV[1])
local result = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], oldest, '+inf')) do
  result[#result + 1] = id
  result[#result + 1] = redis.call('HGET', KEYS[2], id) or 'unknown'
end
return result
