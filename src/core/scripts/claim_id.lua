-- Makes the caller the owner of an id that it was handed out, unless a node holds it by now, or did
-- so when Redis lost its data. Returns 1, or 0 if one does.
-- KEYS: owner of the id, heartbeats. ARGV: id, the caller's uuid, time to live of the ownership in
-- ms.
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
