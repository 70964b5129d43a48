// Prizes for the first three when a tournament ends. It may be told again after a crash, so what
// was given is noted, in the same transaction as the wallets.
const PRIZES = [1000, 500, 250];

export const prizes = (
  ctx: nkruntime.Context,
  logger: nkruntime.Logger,
  nk: nkruntime.Nakama,
  tournament: { id: string },
  end: number,
  expiry: number,
): void => {
  const { records = [] } = nk.tournamentRecordsList(tournament.id, [], PRIZES.length, null, expiry);
  const wallets = records.slice(0, PRIZES.length).map((record: { ownerId: string }, at: number) => ({
    userId: record.ownerId,
    changeset: { coins: PRIZES[at] },
    metadata: { why: "tournament", id: tournament.id, place: at + 1 },
  }));
  if (wallets.length === 0) return;
  const note = {
    collection: "prizes",
    key: `${tournament.id}.${expiry}`,
    value: { given: wallets.length },
    // Written before: the prizes were given.
    version: "*",
    permissionRead: 0,
    permissionWrite: 0,
  };
  nk.multiUpdate(null, [note], null, wallets, true);
  logger.info("gave %d prizes of %s", wallets.length, tournament.id);
};
