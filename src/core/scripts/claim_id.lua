-- Hands out the next id that no living node holds, and makes the caller its owner. After Redis has
-- lost its data the counter starts over, while nodes with low ids may still be subscribed or have
-- registered again.
-- KEYS: next id, heartbeats. ARGV: what the name of a node's channel begins with, what the key of
-- an id's owner begins with, the caller's uuid, time to live of the ownership in ms.
local id
repeat
  id = redis.call('INCR', KEYS[1])
  local listeners = redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. id)
  local is_free = listeners[2] == 0 and redis.call('EXISTS', ARGV[2] .. id) == 0
until is_free and not redis.call('ZSCORE', KEYS[2], id)
redis.call('SET', ARGV[2] .. id, ARGV[3], 'PX', ARGV[4])
return id
