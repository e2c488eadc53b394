-- Returns a part of the nodes that are alive: where the next part begins, "0" behind the last one,
-- what tells whether the list has changed (the number of the last change that was announced, how many
-- nodes are registered, the last id that was handed out, how many of them, up to 100, are silent for
-- too long), and id, host name, id, host name ...; "unknown" for a host name that is missing. Few nodes are one
-- part, as they are at this moment, which takes half the time for each. Of more, each that is
-- registered all the while is in one part or in several, and other work goes on in between; they are
-- one part nevertheless where the user may not call ZSCAN or INFO.
-- Only the server that began a listing can go on with it. Another one, to which the keys have moved,
-- begins anew.
-- KEYS: heartbeats, nodes, next id, changes (heartbeats again for a user who may not use that). ARGV: time to live in ms, where the part begins ("0" for the first), how
-- many nodes are a part of many.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now - ARGV[1]
local few = 5000
local server, part
if redis.call('ZCARD', KEYS[1]) > few then
  local info = redis.pcall('INFO', 'server')
  server = type(info) == 'string' and info:match('run_id:(%w+)')
end
if server then
  local cursor, begun_by = ARGV[2]:match('^(%d+) (%w+)$')
  part = redis.pcall('ZSCAN', KEYS[1], begun_by == server and cursor or '0', 'COUNT', ARGV[3])
end
local is_part = part and not part.err
local next_part = '0'
local ids = {}
if is_part then
  if part[1] ~= '0' then
    next_part = part[1] .. ' ' .. server
  end
  for i = 1, #part[2], 2 do
    if (tonumber(part[2][i + 1]) or now) > oldest then
      ids[#ids + 1] = part[2][i]
    end
  end
else
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', oldest), '+inf')
end
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', oldest), 'LIMIT',
                          0, 100)
local change = KEYS[4] ~= KEYS[1] and redis.pcall('GET', KEYS[4])
local result = {next_part, {type(change) == 'string' and change or '0',
                            redis.call('ZCARD', KEYS[1]), redis.call('GET', KEYS[3]) or '0', #silent}}
for _, id in ipairs(ids) do
  result[#result + 1] = id
  result[#result + 1] = redis.call('HGET', KEYS[2], id) or 'unknown'
end
return result
