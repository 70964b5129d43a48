// Coins once a day. The wallet and the note of when they were given change together or not at all,
// and of two calls at the same time one fails: it has read a version that is not there any more.
const COINS = 100;
const DAY_MS = 24 * 60 * 60 * 1000;

interface Given {
  day: number;
  streak: number;
}

export const dailyReward: nkruntime.RpcFunction = (ctx, logger, nk) => {
  if (!ctx.userId) {
    throw { message: "only players have rewards", code: nkruntime.Codes.UNAUTHENTICATED };
  }
  const today = Math.floor(Date.now() / DAY_MS);
  const place = { collection: "rewards", key: "daily", userId: ctx.userId };
  const [kept] = nk.storageRead([place]);
  const last = kept?.value as Given | undefined;
  if (last && last.day >= today) {
    return JSON.stringify({ given: 0, streak: last.streak });
  }
  const streak = last && last.day === today - 1 ? last.streak + 1 : 1;
  const given = COINS * Math.min(streak, 7);
  const object = {
    ...place,
    value: { day: today, streak },
    version: kept ? kept.version : "*",
    permissionRead: 1,
    permissionWrite: 0,
  };
  const wallet = { userId: ctx.userId, changeset: { coins: given }, metadata: { why: "daily" } };
  nk.multiUpdate(null, [object], null, [wallet], true);
  return JSON.stringify({ given, streak });
};
