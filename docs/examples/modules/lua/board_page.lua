-- The first ten of a leaderboard, for a page on the web: GET /boards/{board}/top. Anybody may ask.

local nk = require("nakama")

local MOST = 10

local function answer(status, value)
  return {
    status = status,
    headers = { ["Content-Type"] = "application/json", ["Cache-Control"] = "max-age=10" },
    body = nk.json_encode(value),
  }
end

local function board_page(_, request)
  local found, records = pcall(nk.leaderboard_records_list, request.params.board, nil, MOST)
  if not found or #records == 0 then
    return answer(404, { message = "nobody is on such a board" })
  end
  local shown = {}
  for at, record in ipairs(records) do
    shown[at] = { rank = record.rank, score = record.score, username = record.username }
  end
  return answer(200, { records = shown })
end

nk.register_http(board_page, "/boards/{board}/top", { "GET" })
