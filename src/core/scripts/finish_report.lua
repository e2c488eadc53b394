-- Notes that the removal of a node has been reported, unless another node reports it by now.
-- KEYS: reports. ARGV: id of the removed node, the caller's id.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
