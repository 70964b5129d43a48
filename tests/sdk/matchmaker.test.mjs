// The matchmaker, alone and as a party, in both socket formats.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, id, ids, refused, word } from "./players.mjs";

const BAD_INPUT = { code: 3 };

for (const format of ["json", "protobuf"]) {
  const two = async () => [await connect("ada", { format }), await connect("bob", { format })];

  test(`two who fit are matched and meet by a token (${format})`, async () => {
    const [ada, bob] = await two();
    const game = word("game");
    const query = `+properties.game:${game} +properties.skill:>=7`;
    const tickets = [];
    for (const [player, skill] of [[ada, 7], [bob, 8]]) {
      const { ticket } = await player.socket.addMatchmaker(query, 2, 2, { game }, { skill });
      tickets.push(ticket);
    }
    const matched = [];
    for (const [index, player] of [ada, bob].entries()) {
      const told = await player.events.next("onmatchmakermatched");
      assert.equal(told.ticket, tickets[index]);
      assert.equal(told.self.presence.user_id, id(player));
      assert.equal(told.self.string_properties.game, game);
      assert.equal(told.self.numeric_properties.skill, 7 + index);
      assert.deepEqual(ids(told.users.map((user) => user.presence)), [id(ada), id(bob)].sort());
      matched.push(told);
    }
    const first = await ada.socket.joinMatch(undefined, matched[0].token);
    const second = await bob.socket.joinMatch(undefined, matched[1].token);
    assert.equal(first.match_id, second.match_id);
    assert.deepEqual(ids(second.presences), [id(ada)]);
    ada.close();
    bob.close();
  });

  test(`server code makes the match of those who are matched (${format})`, async () => {
    const [ada, bob] = await two();
    const game = word("game");
    for (const player of [ada, bob]) {
      await player.socket.addMatchmaker(`+properties.game:${game}`, 2, 2, { game, mode: "duel" });
    }
    for (const player of [ada, bob]) {
      const told = await player.events.next("onmatchmakermatched");
      const match = await player.socket.joinMatch(told.match_id, undefined, { ticket: "gold" });
      assert.equal(match.authoritative, true);
    }
    await ada.events.next("onmatchpresence", (event) => ids(event.joins).includes(id(bob)));
    ada.close();
    bob.close();
  });

  test(`who takes the ticket back does not wait any more (${format})`, async () => {
    const [ada] = await two();
    const { ticket } = await ada.socket.addMatchmaker("*", 99, 99);
    await ada.socket.removeMatchmaker(ticket);
    assert.deepEqual(await refused(ada.socket.removeMatchmaker(ticket)), BAD_INPUT);
    assert.deepEqual(await refused(ada.socket.addMatchmaker("*", 1, 2)), BAD_INPUT);
    ada.close();
  });

  test(`a party is matched as one (${format})`, async () => {
    const [ada, bob] = await two();
    const eve = await connect("eve", { format });
    const { party_id: party } = await ada.socket.createParty(true, 4);
    await bob.socket.joinParty(party);
    await bob.events.next("onparty");
    const game = word("game");
    const add = (player) =>
      player.socket.addMatchmakerParty(party, `+properties.game:${game}`, 3, 3, { game }, { skill: 1 });
    assert.deepEqual(await refused(add(bob)), BAD_INPUT, "only the leader may");

    const first = await add(ada);
    assert.equal(first.party_id, party);
    const told = await bob.events.next("onpartymatchmakerticket");
    assert.deepEqual([told.party_id, told.ticket], [party, first.ticket]);
    await ada.socket.removeMatchmakerParty(party, first.ticket);
    assert.deepEqual(await refused(ada.socket.removeMatchmakerParty(party, first.ticket)), BAD_INPUT);

    await add(ada);
    await eve.socket.addMatchmaker(`+properties.game:${game}`, 3, 3, { game });
    for (const player of [ada, bob, eve]) {
      const matched = await player.events.next("onmatchmakermatched");
      const users = new Map(matched.users.map((user) => [user.presence.user_id, user]));
      assert.deepEqual([...users.keys()].sort(), [id(ada), id(bob), id(eve)].sort());
      assert.equal(users.get(id(bob)).party_id, party);
      assert.equal(users.get(id(eve)).party_id || "", "");
    }
    for (const player of [ada, bob, eve]) player.close();
  });
}
