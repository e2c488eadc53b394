-- Says that a node is alive, and restores whatever of its registration is missing.
-- Returns whether the node was registered (1 or 0), the time it now has, how many listen on its
-- channel (-1 where this Redis does not say), and whether someone else holds the leader's lock (1 or
-- 0; left out where the lock is not among the keys, and where it lacks the note of the last term,
-- which only an attempt to acquire it can make up for); or only -1 if another node has its id: then
-- nothing is changed. An id that is registered without an owner was taken by a node that knows no
-- owners if its time is later than the one this node left there. An earlier one is this node's own:
-- Redis was restored from a snapshot, and the owner has expired.
-- The next id becomes at least the largest that is registered: after a loss of data, TypeScript
-- nodes register again, but do not raise it. All ids are looked at only where it was too low for
-- this node, otherwise just those that would come next; the leader's cleanup does the rest, but for a cluster.
-- KEYS: heartbeats, nodes, next id, owner of the id; and of a node that may read them the leader's
-- lock, and the note of the last term. ARGV: id, host name, the node's uuid, time to live of the
-- ownership in ms, the time that the last call returned, channel of events, the node's own lock
-- value, the uuid under which the node held the same id before, or an empty string, the node's
-- channel (empty in a cluster, where it is elsewhere), PUBLISH or SPUBLISH.
local publish = ARGV[10]
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
local owner = redis.call('GET', KEYS[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local is_taken
if owner then
  is_taken = owner ~= ARGV[3] and owner ~= ARGV[8]
elseif known and known ~= ARGV[5] then
  -- Where the clock was set back, what is earlier tells nothing.
  local left = tonumber(ARGV[5])
  is_taken = not left or left > now or tonumber(known) > left
end
if is_taken then
  return {-1}
end
redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call(known and 'HSETNX' or 'HSET', KEYS[2], ARGV[1], ARGV[2])
local last = tonumber(redis.call('GET', KEYS[3]) or '0') or 0
local largest = math.max(last, tonumber(ARGV[1]))
local limit = 9007199254740991  -- 2^53 - 1
if largest > last then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf')) do
    local number = id:match('^%d+$') and tonumber(id) or 0
    if number > largest and number <= limit then
      largest = number
    end
  end
end
while largest < limit and redis.call('ZSCORE', KEYS[1], string.format('%.0f', largest + 1)) do
  largest = largest + 1
end
if largest > last then
  redis.call('SET', KEYS[3], string.format('%.0f', largest))
end
if not known then
  redis.pcall(publish, ARGV[6], '{"joined":' .. ARGV[1] .. '}')
end
local listeners = ARGV[9] ~= '' and redis.pcall('PUBSUB', 'NUMSUB', ARGV[9]) or {}
local result = {known and 1 or 0, redis.call('ZSCORE', KEYS[1], ARGV[1]), listeners[2] or -1}
if KEYS[5] then
  local leader = redis.call('GET', KEYS[5])
  -- If the answer to an attempt was lost, the lock may be the node's own without its knowing.
  if not leader or leader == ARGV[7] then
    result[4] = 0
  elseif redis.call('EXISTS', KEYS[6]) == 1 then
    result[4] = 1
  end
end
return result
