-- Says that a node is alive, and restores whatever of its registration is missing.
-- Returns 1, or 0 if the node was not registered.
-- KEYS: heartbeats, nodes, next id. ARGV: id, host name.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call(known and 'HSETNX' or 'HSET', KEYS[2], ARGV[1], ARGV[2])
if (tonumber(redis.call('GET', KEYS[3]) or '0') or 0) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[3], ARGV[1])
end
return known and 1 or 0
