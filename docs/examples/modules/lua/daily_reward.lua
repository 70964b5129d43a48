-- Coins once a day. The wallet and the note of when they were given change together or not at all,
-- and of two calls at the same time one fails: it has read a version that is not there any more.

local nk = require("nakama")

local COINS = 100
local DAY_MS = 24 * 60 * 60 * 1000

local function daily_reward(context)
  if not context.user_id then
    error({ "only players have rewards", 16 })
  end
  local today = math.floor(nk.time() / DAY_MS)
  local place = { collection = "rewards", key = "daily", user_id = context.user_id }
  local kept = nk.storage_read({ place })[1]
  local last = kept and kept.value
  if last and last.day >= today then
    return nk.json_encode({ given = 0, streak = last.streak })
  end
  local streak = last and last.day == today - 1 and last.streak + 1 or 1
  local given = COINS * math.min(streak, 7)
  local object = {
    collection = place.collection,
    key = place.key,
    user_id = place.user_id,
    value = { day = today, streak = streak },
    version = kept and kept.version or "*",
    permission_read = 1,
    permission_write = 0,
  }
  local wallet =
    { user_id = context.user_id, changeset = { coins = given }, metadata = { why = "daily" } }
  nk.multi_update(nil, { object }, nil, { wallet }, true)
  return nk.json_encode({ given = given, streak = streak })
end

nk.register_rpc(daily_reward, "daily_reward")
