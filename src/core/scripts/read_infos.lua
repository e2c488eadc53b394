-- Reads what nodes say of themselves. Returns owner, info, owner, info ... of the nodes in their
-- order, empty where there is none: an info counts only while its owner has the id.
-- KEYS: infos, owners of the ids ... ARGV: the ids ...
local result = {}
for i = 1, #ARGV do
  local owner = redis.call('GET', KEYS[1 + i]) or ''
  result[#result + 1] = owner
  result[#result + 1] = owner ~= '' and redis.call('HGET', KEYS[1], ARGV[i]) or ''
end
return result
