-- Prizes for the first three when a tournament ends. It may be told again after a crash, so what
-- was given is noted, in the same transaction as the wallets.

local nk = require("nakama")

local PRIZES = { 1000, 500, 250 }

local function prizes(_, tournament, _, expiry)
  local records = nk.tournament_records_list(tournament.id, nil, #PRIZES, nil, expiry)
  local wallets = {}
  for place, record in ipairs(records) do
    wallets[place] = {
      user_id = record.owner_id,
      changeset = { coins = PRIZES[place] },
      metadata = { why = "tournament", id = tournament.id, place = place },
    }
  end
  if #wallets == 0 then
    return
  end
  local note = {
    collection = "prizes",
    key = tournament.id .. "." .. expiry,
    value = { given = #wallets },
    -- Written before: the prizes were given.
    version = "*",
    permission_read = 0,
    permission_write = 0,
  }
  nk.multi_update(nil, { note }, nil, wallets, true)
  nk.logger_info(("gave %d prizes of %s"):format(#wallets, tournament.id))
end

nk.register_tournament_end(prizes)
