-- Removes a node from the list, unless another one has its id. One that is only draining keeps the
-- ownership of its id. Returns -1 if another node has it.
-- KEYS: heartbeats, nodes, owner of the id, infos, changes (heartbeats again in place of these for a
-- user who may not use them). ARGV: id, the node's uuid, time to live of the ownership
-- in ms or 0 to give it up, channel of events, PUBLISH or SPUBLISH.
local publish = ARGV[5]
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[2] then
  return -1
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[3])
else
  redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
end
redis.call('HDEL', KEYS[2], ARGV[1])
local has_infos = KEYS[4] ~= KEYS[1]
if has_infos then
  redis.pcall('HDEL', KEYS[4], ARGV[1])
end
local removed = redis.call('ZREM', KEYS[1], ARGV[1])
if removed == 1 then
  local change = has_infos and redis.pcall('INCR', KEYS[5])
  if change == 1 then
    local time = redis.call('TIME')
    change = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.pcall('SET', KEYS[5], string.format('%.0f', change))
  end
  local numbered = type(change) == 'number' and string.format(',"change":%.0f', change) or ''
  redis.pcall(publish, ARGV[4], '{"left":' .. ARGV[1] .. numbered .. '}')
end
return removed
