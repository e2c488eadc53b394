-- The leader's cleanup, provided that the caller still leads: otherwise returns false (nil).
-- Removes the nodes whose last heartbeat is too old and notes for each that it is to be reported,
-- and by whom. Reports whose reporter is gone go to the caller. Host names without a heartbeat are
-- removed if they were so at the last cleanup as well: a node may be just about to register.
-- Returns the ids that the caller has to report, and the ids of host names without a heartbeat.
-- KEYS: leader lock, heartbeats, nodes, reports. ARGV: the caller's lock value, time to live in ms,
-- what the key of an id's owner begins with, the caller's id, channel of events, ids of host names
-- that had no heartbeat at the last cleanup ...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return false
end
local caller = ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = string.format('%.0f', now - ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', oldest)) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('DEL', ARGV[3] .. id)
  redis.call('HSET', KEYS[4], id, caller)
  redis.call('PUBLISH', ARGV[5], '{"left":' .. id .. '}')
end

local to_report = {}
local reports = redis.call('HGETALL', KEYS[4])
for i = 1, #reports, 2 do
  local id, reporter = reports[i], reports[i + 1]
  if reporter ~= caller and not redis.call('ZSCORE', KEYS[2], reporter) then
    redis.call('HSET', KEYS[4], id, caller)
    reporter = caller
  end
  if reporter == caller then
    to_report[#to_report + 1] = id
  end
end

local ghosts = {}
for i = 6, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then
    redis.call('HDEL', KEYS[3], ARGV[i])
  end
end
if redis.call('HLEN', KEYS[3]) > redis.call('ZCARD', KEYS[2]) then
  for _, id in ipairs(redis.call('HKEYS', KEYS[3])) do
    if not redis.call('ZSCORE', KEYS[2], id) then
      ghosts[#ghosts + 1] = id
    end
  end
end
return {to_report, ghosts}
