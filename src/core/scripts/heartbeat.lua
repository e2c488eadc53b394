-- Says that a node is alive, and restores whatever of its registration is missing.
-- Returns whether the node was registered (1 or 0), the time it now has, how many listen on its
-- channel (-1 where this Redis does not say), 1 if its info is there, else 0, plus 2 if the user may
-- not look at that of any node, plus 4 if it may not use that of this node, what tells whether
-- the list of nodes has changed (see list_nodes.lua; empty for a node that does not want to know),
-- and whether someone else holds the leader's lock (1 or 0; left out where the lock is not among the
-- keys, and where it lacks the note of the last term, which only an attempt to acquire it can make up
-- for); or only -1 if another node has its id: then nothing is changed. An id that is registered without an owner was taken by a node that knows no
-- owners if its time is later than the one this node left there. An earlier one is this node's own:
-- Redis was restored from a snapshot, and the owner has expired.
-- The next id becomes at least the largest that is registered: after a loss of data, TypeScript
-- nodes register again, but do not raise it. All ids are looked at only where it was too low for
-- this node, otherwise just those that would come next; the leader's cleanup does the rest, but for
-- a cluster.
-- Leaders in TypeScript and of earlier states leave the infos of nodes that they remove: that of any
-- node is looked at, if the user may do so.
-- A user who may not use infos or changes gives heartbeats in their place.
-- KEYS: heartbeats, nodes, next id, owner of the id, infos, changes; and of a node that may read them
-- the leader's lock, and the note of the last term. ARGV: id, host name, the node's uuid, time to
-- live of the ownership in ms, the time that the last call returned, channel of events, the node's
-- own lock value, the uuid under which the node held the same id before, or an empty string, the
-- node's channel (empty in a cluster, where it is elsewhere), PUBLISH or SPUBLISH, the node's info or
-- an empty string to leave it as it is, time to live of nodes in ms or an empty string not to be told
-- of the list, 1 to look at the info of any node.
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

local has_infos = KEYS[5] ~= KEYS[1]
local info = has_infos and redis.pcall('HGET', KEYS[5], ARGV[1])
local may_use_info = has_infos and type(info) ~= 'table'
-- Who looked while the owner was missing took the info for nobody's.
local event = not known and 'joined' or not owner and 'changed'
if may_use_info and ARGV[11] ~= '' and info ~= ARGV[11] then
  may_use_info = type(redis.pcall('HSET', KEYS[5], ARGV[1], ARGV[11])) == 'number'
  info = may_use_info and ARGV[11]
  event = event or may_use_info and 'changed'
end
info = type(info) == 'string' and info
if event then
  local change = has_infos and redis.pcall('INCR', KEYS[6])
  if change == 1 then  -- after a loss of data no number comes twice
    change = now
    redis.pcall('SET', KEYS[6], string.format('%.0f', now))
  end
  local numbered = type(change) == 'number' and string.format(',"change":%.0f', change) or ''
  local informed = info and ',"info":' .. info or ''
  redis.pcall(publish, ARGV[6], '{"' .. event .. '":' .. ARGV[1] .. numbered .. informed .. '}')
end
local any = has_infos and ARGV[13] == '1' and redis.pcall('HRANDFIELD', KEYS[5])
if type(any) == 'string' and not redis.call('ZSCORE', KEYS[1], any) then
  redis.pcall('HDEL', KEYS[5], any)
end
local is_refused = type(any) == 'table'

local list = {}
if ARGV[12] ~= '' then
  local oldest = string.format('%.0f', now - ARGV[12])
  local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', oldest, 'LIMIT', 0, 100)
  local change = has_infos and redis.pcall('GET', KEYS[6])
  list = {type(change) == 'string' and change or '0', redis.call('ZCARD', KEYS[1]),
          string.format('%.0f', largest), #silent}
end
local listeners = ARGV[9] ~= '' and redis.pcall('PUBSUB', 'NUMSUB', ARGV[9]) or {}
local result = {known and 1 or 0, redis.call('ZSCORE', KEYS[1], ARGV[1]), listeners[2] or -1,
                (info and 1 or 0) + (is_refused and 2 or 0) + (may_use_info and 0 or 4), list}
if KEYS[7] then
  local leader = redis.call('GET', KEYS[7])
  -- If the answer to an attempt was lost, the lock may be the node's own without its knowing.
  if not leader or leader == ARGV[7] then
    result[6] = 0
  elseif redis.call('EXISTS', KEYS[8]) == 1 then
    result[6] = 1
  end
end
return result
