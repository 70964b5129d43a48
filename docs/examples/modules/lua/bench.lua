-- What `cargo xtask bench` calls and writes to: a function that returns what it is given, others
-- that misbehave, and a leaderboard with the best score first.

local nk = require("nakama")

nk.register_rpc(function(_, payload)
  return payload
end, "bench_echo")

-- Its neighbours: what fails, waits, computes for a while, and asks for more memory than there is.
nk.register_rpc(function()
  error("on purpose")
end, "bench_fail")

nk.register_rpc(function()
  nk.sql_query("SELECT 1 FROM pg_sleep(0.05)")
end, "bench_wait")

nk.register_rpc(function()
  local begun = os.clock()
  while os.clock() - begun < 0.02 do
  end
end, "bench_spin")

nk.register_rpc(function()
  local all = {}
  while true do
    all[#all + 1] = string.rep("x", 1000000) .. #all
  end
end, "bench_hungry")

nk.leaderboard_create("bench", false, "desc", "best")
