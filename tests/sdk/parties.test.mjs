// Parties, in both socket formats.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, id, ids, refused, text } from "./players.mjs";

const BAD_INPUT = { code: 3 };
const joined = (player) => (event) => ids(event.joins).includes(id(player));
const left = (player) => (event) => ids(event.leaves).includes(id(player));

for (const format of ["json", "protobuf"]) {
  test(`an open party is joined, led and left (${format})`, async () => {
    const ada = await connect("ada", { format });
    const party = await ada.socket.createParty(true, 2);
    assert.equal(party.open, true);
    // The SDK's protobuf package has older numbers of the fields after `open`.
    const whole = format === "json";
    if (whole) {
      assert.equal(party.max_size, 2);
      assert.deepEqual([party.self.user_id, party.leader.user_id], [id(ada), id(ada)]);
    }

    const bob = await connect("bob", { format });
    await bob.socket.joinParty(party.party_id);
    const entered = await bob.events.next("onparty");
    assert.equal(entered.party_id, party.party_id);
    if (whole) {
      assert.deepEqual([entered.self.user_id, entered.leader.user_id], [id(bob), id(ada)]);
      assert.deepEqual(ids(entered.presences), [id(ada), id(bob)].sort());
    }
    const { joins } = await ada.events.next("onpartypresence", joined(bob));
    const late = await connect("late", { format });
    assert.deepEqual(await refused(late.socket.joinParty(party.party_id)), BAD_INPUT, "it is full");

    await ada.socket.sendPartyData(party.party_id, 5, "ready?");
    const asked = await bob.events.next("onpartydata");
    assert.deepEqual([asked.op_code, text(asked.data)], [5, "ready?"]);
    assert.equal(asked.presence.user_id, id(ada));
    await bob.socket.sendPartyData(party.party_id, 6, "ready");
    const answer = await ada.events.next("onpartydata");
    assert.deepEqual([answer.op_code, text(answer.data)], [6, "ready"], "nobody hears themselves");

    assert.deepEqual(await refused(bob.socket.closeParty(party.party_id)), BAD_INPUT, "no leader");
    await ada.socket.promotePartyMember(party.party_id, joins[0]);
    for (const player of [ada, bob]) {
      const leader = await player.events.next("onpartyleader");
      assert.equal(leader.presence.user_id, id(bob));
    }
    assert.deepEqual(await refused(ada.socket.closeParty(party.party_id)), BAD_INPUT, "not any more");

    await bob.socket.leaveParty(party.party_id);
    await ada.events.next("onpartypresence", left(bob));
    assert.equal((await ada.events.next("onpartyleader")).presence.user_id, id(ada));
    await late.socket.joinParty(party.party_id);
    await late.events.next("onparty");
    await ada.socket.closeParty(party.party_id);
    for (const player of [ada, late]) {
      assert.equal((await player.events.next("onpartyclose")).party_id, party.party_id);
    }
    assert.deepEqual(await refused(bob.socket.joinParty(party.party_id)), BAD_INPUT, "it is gone");
    for (const player of [ada, bob, late]) player.close();
  });

  test(`a closed party lets in whom its leader accepts (${format})`, async () => {
    const players = [];
    for (const name of ["ada", "bob", "eve"]) players.push(await connect(name, { format }));
    const [ada, bob, eve] = players;
    const { party_id: party } = await ada.socket.createParty(false, 8);
    for (const player of [bob, eve]) {
      await player.socket.joinParty(party);
      const request = await ada.events.next("onpartyjoinrequest");
      assert.deepEqual(ids(request.presences), [id(player)]);
    }
    assert.deepEqual(await refused(bob.socket.joinParty(party)), BAD_INPUT, "asked already");
    const waiting = await ada.socket.listPartyJoinRequests(party);
    assert.equal(waiting.party_id, party);
    assert.deepEqual(ids(waiting.presences), [id(bob), id(eve)].sort());
    assert.deepEqual(await refused(bob.socket.listPartyJoinRequests(party)), BAD_INPUT);

    const of = (player) => waiting.presences.find((presence) => presence.user_id === id(player));
    await ada.socket.acceptPartyMember(party, of(bob));
    assert.equal((await bob.events.next("onparty")).party_id, party);
    await ada.events.next("onpartypresence", joined(bob));
    await ada.socket.removePartyMember(party, of(eve));
    const rest = await ada.socket.listPartyJoinRequests(party);
    assert.deepEqual(ids(rest.presences), []);

    await ada.socket.removePartyMember(party, of(bob));
    assert.equal((await bob.events.next("onpartyclose")).party_id, party);
    await ada.events.next("onpartypresence", left(bob));
    for (const player of players) player.close();
  });
}

test("a party outlives a leader who vanishes", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const { party_id: party } = await ada.socket.createParty(true, 4);
  await bob.socket.joinParty(party);
  await bob.events.next("onparty");
  ada.close();
  await bob.events.next("onpartypresence", left(ada));
  assert.equal((await bob.events.next("onpartyleader")).presence.user_id, id(bob));
  bob.close();
});
