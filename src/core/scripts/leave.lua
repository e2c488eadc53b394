-- Removes a node that stops, unless another one has its id.
-- KEYS: heartbeats, nodes, owner of the id. ARGV: id, the node's uuid.
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[3])
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
