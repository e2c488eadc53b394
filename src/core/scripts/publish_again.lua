-- Publishes a request or a response once more, provided that the target itself listens, and that it
-- is a node that copes with repetitions: those have owners. Returns the number of receivers, 0 if
-- the target does not listen, -1 if nobody owns the target's id, -2 if it is another than the
-- expected owner.
-- KEYS: owner of the target's id; none if it may be any node. ARGV: the target's channel, message,
-- the expected owner's uuid or an empty string for any.
if KEYS[1] then
  local owner = redis.call('GET', KEYS[1])
  if not owner then
    return -1
  end
  if ARGV[3] ~= '' and owner ~= ARGV[3] then
    return -2
  end
end
-- PUBLISH would count subscribers of a pattern too.
local listeners = redis.pcall('PUBSUB', 'NUMSUB', ARGV[1])
if listeners[2] == 0 then
  return 0
end
return redis.call('PUBLISH', ARGV[1], ARGV[2])
