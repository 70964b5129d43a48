// Leaderboards and tournaments. Boards are made by the server code of the tests.

import assert from "node:assert/strict";
import { test } from "node:test";

import { refused, signIn, unique } from "./players.mjs";

/** A board of an id that nobody has used. */
async function board(player, options = {}) {
  const id = unique("board");
  await player.client.rpc(player.session, "board_create", { id, ...options });
  return id;
}

/** A request that this version of the SDK has no method or no field for. */
async function raw(player, method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${process.env.TAVERN_PORT}${path}`, {
    method,
    headers: { authorization: `Bearer ${player.session.token}` },
    body: body && JSON.stringify(body),
  });
  assert.equal(answer.status, 200);
  return answer.json();
}

const places = (records) => (records ?? []).map((record) => [record.score, record.rank]);

test("scores are written, ranked, listed and deleted", async () => {
  const players = await Promise.all(["ada", "bob", "cat", "dan"].map(signIn));
  const [ada, bob, cat, dan] = players;
  const id = await board(ada);
  const write = (player, score, more = {}) =>
    player.client.writeLeaderboardRecord(player.session, id, { score: `${score}`, ...more });
  const first = await write(ada, 10, { subscore: "3", metadata: { level: 9 } });
  assert.deepEqual([first.score, first.subscore, first.rank, first.num_score], [10, 3, 1, 1]);
  assert.deepEqual(first.metadata, { level: 9 });
  assert.equal(first.owner_id, ada.session.user_id);
  assert.equal((await write(ada, 5)).score, 10, "no better");
  await write(bob, 40);
  await write(cat, 30);
  assert.equal((await write(dan, 20)).rank, 3);

  const list = (...more) => ada.client.listLeaderboardRecords(ada.session, id, ...more);
  const page = await list([], 2);
  assert.deepEqual(places(page.records), [[40, 1], [30, 2]]);
  assert.equal(page.rank_count, 4);
  const next = await list([], 2, page.next_cursor);
  assert.deepEqual(places(next.records), [[20, 3], [10, 4]]);
  assert.ok(!next.next_cursor);
  assert.deepEqual((await list([], 2, next.prev_cursor)).records, page.records);
  const owners = await list([dan.session.user_id, bob.session.user_id]);
  assert.deepEqual(places(owners.owner_records), [[40, 1], [20, 3]]);

  const around = await ada.client.listLeaderboardRecordsAroundOwner(
    ada.session, id, cat.session.user_id, 3);
  assert.deepEqual(places(around.records), [[40, 1], [30, 2], [20, 3]]);

  await raw(bob, "DELETE", `/v2/leaderboard/${id}`);
  assert.deepEqual(places((await list([cat.session.user_id])).owner_records), [[30, 1]]);
  assert.equal(await refused(list([], 0)), 400);
  assert.equal(await refused(list([], 5, "bad")), 400);
  await ada.client.rpc(ada.session, "board_delete", { id });
  assert.equal(await refused(write(ada, 1)), 404);
});

test("operators of boards and of writes", async () => {
  const ada = await signIn("ada");
  const id = await board(ada, { operator: "incr", sort: "asc", reset: "@daily" });
  const write = (score) =>
    ada.client.writeLeaderboardRecord(ada.session, id, { score: `${score}` });
  const by = async (operator, score) =>
    (await raw(ada, "POST", `/v2/leaderboard/${id}`, { score, operator })).score;
  assert.equal((await write(5)).score, 5);
  const second = await write(7);
  assert.equal(second.score, 12);
  assert.ok(Date.parse(second.expiry_time) > Date.now(), "it expires");
  assert.equal(await by("BEST", 3), "3", "best is lowest here");
  assert.equal(await by(2, 8), "8", "set");
  assert.equal(await by("INCREMENT", 4), "12");
  assert.equal(await by(4, 5), "7", "decrement");
  const closed = await board(ada, { authoritative: true });
  assert.equal(
    await refused(ada.client.writeLeaderboardRecord(ada.session, closed, { score: "1" })), 403);
});

test("tournaments are joined, played and listed", async () => {
  const [ada, bob] = await Promise.all(["ada", "bob"].map(signIn));
  const id = await board(ada, {
    duration: 3600, title: "Cup", category: 101, max_size: 1, max_num_score: 2, join_required: true,
  });
  const write = (player, score) =>
    player.client.writeTournamentRecord(player.session, id, { score: `${score}` });
  assert.equal(await refused(write(ada, 5)), 400, "not joined");
  assert.ok(await ada.client.joinTournament(ada.session, id));
  assert.equal(await refused(bob.client.joinTournament(bob.session, id)), 400, "full");
  assert.deepEqual([(await write(ada, 5)).score, (await write(ada, 3)).num_score], [5, 2]);
  assert.equal((await write(ada, 9)).score, 5, "no attempts are left");
  await ada.client.rpc(
    ada.session, "board_add_attempt", { id, owner: ada.session.user_id, count: 1 });
  assert.equal((await write(ada, 9)).score, 9);

  const { tournaments } = await ada.client.listTournaments(ada.session, 101, 101);
  const [cup] = tournaments.filter((tournament) => tournament.id === id);
  assert.deepEqual(
    [cup.title, cup.size, cup.max_size, cup.max_num_score, Boolean(cup.can_enter), cup.duration],
    ["Cup", 1, 1, 2, false, 3600]);
  assert.equal(cup.end_active - cup.start_active, 3600);
  const list = await ada.client.listTournamentRecords(ada.session, id, [ada.session.user_id], 10);
  assert.deepEqual(places(list.records), [[9, 1]]);
  assert.deepEqual(places(list.owner_records), [[9, 1]]);
  const around = await ada.client.listTournamentRecordsAroundOwner(
    ada.session, id, ada.session.user_id, 5);
  assert.deepEqual(places(around.records), [[9, 1]]);
  await ada.client.deleteTournamentRecord(ada.session, id);
  assert.ok(await bob.client.joinTournament(bob.session, id), "the place is free");
});
