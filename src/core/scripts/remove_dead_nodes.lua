-- The leader's cleanup, provided that the caller still leads: otherwise returns false (nil). Where
-- the lock is on another Redis, whoever has the largest fencing token seen of late counts as leader.
-- Sends a pulse, so that no node's subscription is silent; not to many nodes, as Redis would do
-- nothing else meanwhile: the connections of these are pinged instead.
-- Removes the nodes whose last heartbeat is too old and leaves a note for each: who reports it,
-- "id:uuid", and since when. Notes of reporters that do not own their ids any more go to the caller.
-- A heartbeat of later than now counts as one of now: the clock was set back, or is another server's,
-- and a node that is dead must not be listed until it has caught up.
-- The next id becomes at least the largest that is registered; not in a cluster.
-- Host names without a heartbeat are removed if they were so at the last cleanup as well: a node
-- may be just about to register.
-- All of that is done for nodes and reporters whose owners are among the keys; the others are
-- returned, so that the caller can come again with the keys of theirs.
-- Returns id, note, id, note ... of what the caller has to report, the ids of host names without a
-- heartbeat, and the ids whose owners have to be among the keys.
-- KEYS: leader lock or largest fencing token, heartbeats, nodes, reports, next id, infos, changes,
-- owners of ids ... A user who may not use infos and changes gives heartbeats in their place.
-- ARGV: the caller's lock value or fencing token, time to live in ms, the caller as "id:uuid",
-- channel of events, channel of the pulse, for how many ms a fencing token is remembered or an empty
-- string for a lock, PUBLISH or SPUBLISH, the ids of the owners ..., ids of host names that had no
-- heartbeat at the last cleanup ...
local publish = ARGV[7]
if ARGV[6] == '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return false
  end
else
  local token = tonumber(ARGV[1])
  if token == 0 or token < (tonumber(redis.call('GET', KEYS[1]) or '0') or 0) then
    return false
  end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[6])
end
local most_with_pulse = 2000
if redis.call('ZCARD', KEYS[2]) <= most_with_pulse then
  redis.pcall(publish, ARGV[5], '1')
end

local keys_before, arguments_before = 7, 7
local owners = #KEYS - keys_before
local has_infos = KEYS[6] ~= KEYS[2]
local owner_place = {}  -- among the keys, by id
for i = 1, owners do
  owner_place[ARGV[arguments_before + i]] = keys_before + i
end
local most_missing = 1000
local missing, is_missing = {}, {}
local function note_missing(id)
  if not is_missing[id] and #missing < most_missing then
    is_missing[id] = true
    missing[#missing + 1] = id
  end
end

local caller = ARGV[3]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local note = caller .. ':' .. now
local oldest = string.format('%.0f', now - ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', oldest)) do
  local is_id = id:match('^%d+$')
  if is_id and not owner_place[id] then
    note_missing(id)
  else
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    if has_infos then
      redis.pcall('HDEL', KEYS[6], id)
    end
    if is_id then
      redis.call('DEL', KEYS[owner_place[id]])
      redis.call('HSET', KEYS[4], id, note)
      local change = has_infos and redis.pcall('INCR', KEYS[7])
      if change == 1 then
        change = tonumber(now)
        redis.pcall('SET', KEYS[7], now)
      end
      local numbered = type(change) == 'number' and string.format(',"change":%.0f', change) or ''
      redis.pcall(publish, ARGV[4], '{"left":' .. id .. numbered .. '}')
    end
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do
  redis.call('ZADD', KEYS[2], now, id)
end

-- After a loss of data TypeScript nodes register again, but do not raise the next id; there are none
-- in a cluster. A dead node that is still to be removed must not raise it.
if publish == 'PUBLISH' and #missing == 0 then
  local last = tonumber(redis.call('GET', KEYS[5]) or '0') or 0
  local largest = last
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf')) do
    local number = id:match('^%d+$') and tonumber(id) or 0
    if number > largest and number < 9007199254740992 then  -- 2^53
      largest = number
    end
  end
  if largest > last then
    redis.call('SET', KEYS[5], string.format('%.0f', largest))
  end
end

local to_report = {}
local reports = redis.call('HGETALL', KEYS[4])
for i = 1, #reports, 2 do
  local id, value = reports[i], reports[i + 1]
  local reporter, uuid = value:match('^(%d+):([^:]*)')
  local is_mine = value:sub(1, #caller + 1) == caller .. ':'
  local place = owner_place[reporter or '']
  if not is_mine and reporter and not place then
    note_missing(reporter)
  elseif not is_mine and (not reporter or redis.call('GET', KEYS[place]) ~= uuid) then
    value = note
    redis.call('HSET', KEYS[4], id, value)
    is_mine = true
  end
  if is_mine then
    to_report[#to_report + 1] = id
    to_report[#to_report + 1] = value
  end
end

local ghosts = {}
for i = arguments_before + owners + 1, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then
    redis.call('HDEL', KEYS[3], ARGV[i])
  end
end
if redis.call('HLEN', KEYS[3]) > redis.call('ZCARD', KEYS[2]) then
  for _, id in ipairs(redis.call('HKEYS', KEYS[3])) do
    if not redis.call('ZSCORE', KEYS[2], id) then
      ghosts[#ghosts + 1] = id
    end
  end
end
return {to_report, ghosts, missing}
