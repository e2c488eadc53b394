-- Returns a part of the nodes that are alive: where the next part begins, "0" behind the last one,
-- and id, host name, id, host name ...; "unknown" for a host name that is missing. Few nodes are one
-- part, as they are at this moment, which takes half the time for each. Of more, each that is
-- registered all the while is in one part or in several, and other work goes on in between; they are
-- one part nevertheless where the user may not call ZSCAN.
-- KEYS: heartbeats, nodes. ARGV: time to live in ms, where the part begins ("0" for the first), how
-- many nodes are a part of many.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now - ARGV[1]
local few = 5000
local part
if ARGV[2] ~= '0' or redis.call('ZCARD', KEYS[1]) > few then
  part = redis.pcall('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
end
local is_part = part and not part.err
local ids = {}
if is_part then
  for i = 1, #part[2], 2 do
    if tonumber(part[2][i + 1]) > oldest then
      ids[#ids + 1] = part[2][i]
    end
  end
else
  ids = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', oldest), '+inf')
end
local result = {is_part and part[1] or '0'}
for _, id in ipairs(ids) do
  result[#result + 1] = id
  result[#result + 1] = redis.call('HGET', KEYS[2], id) or 'unknown'
end
return result
