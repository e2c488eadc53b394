-- Hands out the next id that no living node holds, and makes the caller its owner. After Redis has
-- lost its data the counter starts over, while nodes with low ids may still be subscribed or have
-- registered again. Ids from 2^53 on are refused: neither Lua nor TypeScript can tell them apart.
-- KEYS: next id, heartbeats. ARGV: what the name of a node's channel begins with, what the key of
-- an id's owner begins with, the caller's uuid, time to live of the ownership in ms.
local id
repeat
  local number = redis.call('INCR', KEYS[1])
  if number >= 9007199254740992 then
    return redis.error_reply('ERR no ids are left: ' .. KEYS[1] .. ' has reached 2^53')
  end
  id = string.format('%.0f', number)
  local listeners = redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. id)
  local is_free = listeners[2] == 0 and redis.call('EXISTS', ARGV[2] .. id) == 0
until is_free and not redis.call('ZSCORE', KEYS[2], id)
redis.call('SET', ARGV[2] .. id, ARGV[3], 'PX', ARGV[4])
return tonumber(id)
