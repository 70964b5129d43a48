// A connection breaks, and the player goes on with the next one, by the SDK as it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, unique } from "./players.mjs";

const ROOM = 1;
const text = (data) => new TextDecoder().decode(data);
const ids = (presences) => presences.map((presence) => presence.session_id).sort();

/** Breaks the connection without a goodbye, and connects again when the SDK has noticed. */
async function breaks(player, meanwhile) {
  const gone = player.events.next("ondisconnect");
  player.socket.adapter._socket.terminate();
  await gone;
  await meanwhile();
  await player.socket.connect(player.session, false);
}

for (const format of ["json", "protobuf"]) {
  test(`a player who comes back is where they were (${format})`, async () => {
    const [ada, bob] = [await connect("ada", { format }), await connect("bob", { format })];
    const room = unique("room");
    const channel = await ada.socket.joinChat(room, ROOM, false, false);
    await bob.socket.joinChat(room, ROOM, false, false);
    const party = await ada.socket.createParty(true, 4);
    await bob.socket.joinParty(party.party_id);
    const match = await ada.socket.createMatch();
    const theirs = (await bob.socket.joinMatch(match.match_id)).self;
    const query = `+properties.game:${unique("game").replaceAll("-", "")}`;
    const game = query.split(":")[1];
    const both = ids([match.self, theirs]);
    await ada.socket.addMatchmaker(query, 2, 2, { game });

    await breaks(ada, async () => {
      await bob.socket.writeChatMessage(channel.id, { text: "where are you?" });
      await bob.socket.sendMatchState(match.match_id, 3, "your move");
      // Answered after what was sent before it.
      await bob.socket.updateStatus("waiting");
    });

    // What came in between, and where she is.
    assert.deepEqual((await ada.events.next("onchannelmessage")).content, { text: "where are you?" });
    assert.equal(text((await ada.events.next("onmatchdata")).data), "your move");
    const told = await ada.events.next("onparty");
    assert.equal(told.party_id, party.party_id);
    // The SDK's own definition of protobuf parties is older than the protocol's, and misreads the members.
    if (format === "json") assert.deepEqual(ids(told.presences), both);
    const all = (event) => event.joins?.length === 2 && !event.leaves?.length;
    assert.deepEqual(ids((await ada.events.next("onmatchpresence", all)).joins), both);
    assert.deepEqual(ids((await ada.events.next("onchannelpresence", all)).joins), both);

    // She plays on, as the same member.
    await ada.socket.sendMatchState(match.match_id, 4, "here");
    const heard = await bob.events.next("onmatchdata");
    assert.equal(heard.presence.session_id, match.self.session_id);
    // Her ticket is matched.
    await bob.socket.addMatchmaker(query, 2, 2, { game });
    await ada.events.next("onmatchmakermatched");
    await bob.events.next("onmatchmakermatched");

    // Nobody has seen her leave until she does.
    const left = (event) => event.leaves?.length > 0;
    assert.deepEqual(bob.events.left("onmatchpresence").filter(left), []);
    assert.deepEqual(bob.events.left("onchannelpresence").filter(left), []);
    assert.deepEqual(bob.events.left("onpartypresence").filter(left), []);
    ada.close();
    await bob.events.next("onmatchpresence", left);
    bob.close();
  });
}
