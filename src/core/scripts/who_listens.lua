-- Tells whether a node can hear what is published for it. PUBLISH does not: it also counts those who
-- subscribe to a pattern. How many these are is what a message to a channel of nobody's tells, less
-- those who are subscribed to just that one.
-- Returns how many are subscribed to the node's channel, how many others get its messages too, and
-- the time of the node's last heartbeat, or nil if it is not registered.
-- KEYS: heartbeats. ARGV: the node's channel, the channel of nobody's, id.
local listeners = redis.call('PUBSUB', 'NUMSUB', ARGV[1], ARGV[2])
local others = redis.call('PUBLISH', ARGV[2], '') - listeners[4]
return {listeners[2], others, redis.call('ZSCORE', KEYS[1], ARGV[3])}
