-- Removes the note that a node is to be reported, unless it has changed: then the node has been
-- removed once more, or another node reports it.
-- KEYS: reports. ARGV: id of the removed node, the note.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
