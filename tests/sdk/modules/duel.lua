-- A match for those who have a ticket. What one says is told to all, under the next op code.
local M = {}

function M.match_init()
  return {}, 10, '{"mode":"duel"}'
end

function M.match_join_attempt(_, _, _, state, _, metadata)
  return state, metadata.ticket == "gold", "no ticket"
end

function M.match_join(_, _, _, state)
  return state
end

function M.match_leave(_, _, _, state)
  return state
end

function M.match_loop(_, dispatcher, _, state, messages)
  for _, message in ipairs(messages) do
    dispatcher.broadcast_message(message.op_code + 1, message.sender.username .. ": " .. message.data)
  end
  return state
end

function M.match_terminate(_, _, _, state)
  return state
end

function M.match_signal(_, _, _, state)
  return state
end

return M
