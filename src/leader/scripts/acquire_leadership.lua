-- Takes the lock if it is free or already ours. Returns the fencing token; 0 if someone else leads;
-- or, below 0, for how many ms nobody may lead yet.
-- A free lock does not prove that nobody leads: Redis may have lost it. So each term leaves a note:
-- on which server it was granted, and when it has ended at the latest. Where the note is missing or
-- speaks of another server, everything granted before has ended after one time to live. The note is
-- made up for also while someone else holds the lock: TypeScript leaders leave none, and with it a
-- lock that one of them has freed need not be waited for.
-- The token also grows when Redis has lost the last one, as long as its clock does not go back.
-- KEYS: lock, fencing token, note of the last term. ARGV: our value, time to live in ms, how long
-- to wait at most for the end of another term, in ms.
local holder = redis.call('GET', KEYS[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.pcall('INFO', 'server')  -- may be forbidden or renamed
local here = type(info) == 'string' and info:match('run_id:(%w+)') or 'unknown'

local server, ends_at = (redis.call('GET', KEYS[3]) or ''):match('^(%w+) (%d+)$')
if holder and holder ~= ARGV[1] then
  if server ~= here then
    redis.pcall('SET', KEYS[3], string.format('%s %.0f', here, now + ARGV[2]))
  end
  return 0
end

local wait = tonumber(ARGV[3])
ends_at = tonumber(ends_at)
if not holder or server ~= here then
  -- A clock that was set back must not prolong the wait.
  if server ~= here or ends_at - now > wait then
    ends_at = now + wait
    redis.call('SET', KEYS[3], string.format('%s %.0f', here, ends_at))
  end
  if now < ends_at then
    return now - ends_at
  end
end

local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local token = math.max(last + 1, now)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], string.format('%.0f', token))
redis.call('SET', KEYS[3], string.format('%s %.0f', here, now + ARGV[2]))
return token
