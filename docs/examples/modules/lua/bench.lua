-- What `cargo xtask bench` calls and writes to: a function that returns what it is given, and a
-- leaderboard with the best score first.

local nk = require("nakama")

nk.register_rpc(function(_, payload)
  return payload
end, "bench_echo")

nk.leaderboard_create("bench", false, "desc", "best")
