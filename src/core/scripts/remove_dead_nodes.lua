-- Removes the nodes whose last heartbeat is too old, provided that the caller still leads.
-- Returns their ids, or false (nil) if the lock is not the caller's.
-- KEYS: leader lock, heartbeats, nodes. ARGV: the caller's lock value, time to live in ms, what the
-- key of an id's owner begins with.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - ARGV[2])
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', oldest)
for _, id in ipairs(dead) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('DEL', ARGV[3] .. id)
end
return dead
