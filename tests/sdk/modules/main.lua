-- Functions that the tests of sockets call.
local nk = require("nakama")

local function stream(label)
  return { mode = 42, label = label }
end

nk.register_rpc(function()
  return nk.json_encode({ match_id = nk.match_create("duel", {}) })
end, "duel_create")

nk.register_rpc(function(_, payload)
  return payload
end, "echo")

nk.register_rpc(function()
  error("made to fail")
end, "fails")

nk.register_rpc(function(context)
  nk.notification_send(context.user_id, "hello", { n = 1 }, 101, nil, false)
end, "notify")

nk.register_rpc(function(context, label)
  nk.stream_user_join(context.user_id, context.session_id, stream(label))
end, "stream_join")

nk.register_rpc(function(context, label)
  nk.stream_user_leave(context.user_id, context.session_id, stream(label))
end, "stream_leave")

nk.register_rpc(function(_, label)
  nk.stream_send(stream(label), "hello")
end, "stream_send")

nk.register_matchmaker_matched(function(_, entries)
  if entries[1].properties.mode == "duel" then
    return nk.match_create("duel", {})
  end
end)
