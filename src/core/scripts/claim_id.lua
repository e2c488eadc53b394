-- Hands out the next id that no living node holds: after Redis has lost its data the counter
-- starts over, while nodes with low ids may still be subscribed or have registered again.
-- KEYS: next id, heartbeats. ARGV: what the name of a node's channel begins with.
local id
repeat
  id = redis.call('INCR', KEYS[1])
  local listeners = redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. id)
until not redis.call('ZSCORE', KEYS[2], id) and listeners[2] == 0
return id
