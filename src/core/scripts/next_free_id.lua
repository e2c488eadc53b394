-- Hands out the next id that no living node holds. After Redis has lost its data the counter starts
-- over, while nodes with low ids may still be subscribed or have registered again. Ids from 2^53 on
-- are refused: neither Lua nor TypeScript can tell them apart.
-- KEYS: next id, heartbeats. ARGV: what the name of a node's channel begins with; empty in a
-- cluster, where the channel is elsewhere and is to be asked about there.
local id
repeat
  local number = redis.call('INCR', KEYS[1])
  if number >= 9007199254740992 then
    return redis.error_reply('ERR no ids are left: ' .. KEYS[1] .. ' has reached 2^53')
  end
  id = string.format('%.0f', number)
  local is_heard = ARGV[1] ~= '' and redis.call('PUBSUB', 'NUMSUB', ARGV[1] .. id)[2] > 0
until not is_heard and not redis.call('ZSCORE', KEYS[2], id)
return tonumber(id)
