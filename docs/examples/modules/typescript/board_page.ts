// The first ten of a leaderboard, for a page on the web: GET /boards/{board}/top. Anybody may ask.
const MOST = 10;

const answer = (status: number, value: unknown): nkruntime.RouteResponse => ({
  status,
  headers: { "Content-Type": "application/json", "Cache-Control": "max-age=10" },
  body: JSON.stringify(value),
});

export const boardPage: nkruntime.RouteHandler = (ctx, logger, nk, request) => {
  let records: nkruntime.LeaderboardRecord[] = [];
  try {
    records = nk.leaderboardRecordsList(request.params.board, [], MOST).records;
  } catch (error) {
    logger.debug("no board %s: %s", request.params.board, error);
  }
  if (records.length === 0) return answer(404, { message: "nobody is on such a board" });
  return answer(200, {
    records: records.map(({ rank, score, username }) => ({ rank, score, username })),
  });
};
