// Matches among players and matches that the server runs, in both socket formats.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, id, ids, refused, text } from "./players.mjs";

for (const format of ["json", "protobuf"]) {
  test(`what is sent to some is heard by them alone (${format})`, async () => {
    const players = [];
    for (const name of ["ada", "bob", "eve"]) players.push(await connect(name, { format }));
    const [ada, bob, eve] = players;
    const { match_id: match } = await ada.socket.createMatch();
    const { self } = await bob.socket.joinMatch(match);
    const seen = await eve.socket.joinMatch(match);
    assert.deepEqual(ids(seen.presences), [id(ada), id(bob)].sort());
    assert.equal(seen.size, 2, "those who were there before");

    await ada.socket.sendMatchState(match, 1, "for bob", [self]);
    await ada.socket.sendMatchState(match, 2, "for all");
    const heard = async (player) => text((await player.events.next("onmatchdata")).data);
    assert.equal(await heard(eve), "for all");
    assert.equal(await heard(bob), "for bob");
    assert.equal(await heard(bob), "for all");
    assert.deepEqual(ada.events.left("onmatchdata"), [], "nobody hears themselves");
    assert.deepEqual(await refused(ada.socket.joinMatch("nothing")), { code: 3 });
    const gone = "00000000-0000-4000-8000-000000000000.";
    assert.deepEqual(await refused(ada.socket.joinMatch(gone)), { code: 4 });
    for (const player of players) player.close();
  });

  test(`a match that the server runs (${format})`, async () => {
    const [ada, bob] = [await connect("ada", { format }), await connect("bob", { format })];
    const { match_id: match } = JSON.parse((await ada.socket.rpc("duel_create")).payload);
    const enter = (player, ticket) => player.socket.joinMatch(match, undefined, { ticket });
    assert.deepEqual(await refused(enter(ada, "paper")), { code: 5 });
    const entered = await enter(ada, "gold");
    assert.deepEqual([entered.match_id, entered.authoritative], [match, true]);
    assert.equal(JSON.parse(entered.label).mode, "duel");
    assert.equal(entered.self.user_id, id(ada));
    await enter(bob, "gold");
    await ada.events.next("onmatchpresence", (event) => ids(event.joins).includes(id(bob)));

    await bob.socket.sendMatchState(match, 4, "attack");
    for (const player of [ada, bob]) {
      const told = await player.events.next("onmatchdata");
      assert.deepEqual([Number(told.op_code), text(told.data)], [5, `${bob.session.username}: attack`]);
    }
    const { matches } = await ada.client.listMatches(ada.session, 100, true, undefined, 2, 2);
    const listed = matches.find((one) => one.match_id === match);
    assert.deepEqual([listed?.authoritative, listed?.size], [true, 2]);

    await bob.socket.leaveMatch(match);
    await ada.events.next("onmatchpresence", (event) => ids(event.leaves).includes(id(bob)));
    ada.close();
    bob.close();
  });
}
