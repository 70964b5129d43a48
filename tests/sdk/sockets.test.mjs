// Chat, status and matches, in both socket formats.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, text, unique } from "./players.mjs";

const ROOM = 1;

for (const format of ["json", "protobuf"]) {
  test(`two players chat in a room (${format})`, async () => {
    const [ada, bob] = [await connect("ada", { format }), await connect("bob")];
    const room = unique("room");
    const channel = await ada.socket.joinChat(room, ROOM, true, false);
    assert.equal(channel.room_name, room);
    const seen = await bob.socket.joinChat(room, ROOM, true, false);
    assert.deepEqual(seen.presences.map((p) => p.user_id), [ada.session.user_id]);
    await ada.events.next("onchannelpresence", (e) => e.joins?.[0]?.user_id === bob.session.user_id);

    const ack = await ada.socket.writeChatMessage(channel.id, { text: "hello" });
    const heard = await bob.events.next("onchannelmessage");
    assert.equal(heard.message_id, ack.message_id);
    assert.deepEqual(heard.content, { text: "hello" });
    assert.equal(heard.sender_id, ada.session.user_id);

    await ada.socket.updateChatMessage(channel.id, ack.message_id, { text: "hello again" });
    assert.equal((await bob.events.next("onchannelmessage")).code, 1);
    const history = await bob.client.listChannelMessages(bob.session, channel.id, 10, true);
    assert.deepEqual(history.messages.map((m) => m.content), [{ text: "hello again" }]);

    await ada.socket.removeChatMessage(channel.id, ack.message_id);
    assert.equal((await bob.events.next("onchannelmessage")).code, 2);
    const emptied = await bob.client.listChannelMessages(bob.session, channel.id, 10, true);
    assert.equal(emptied.messages?.length ?? 0, 0);

    await bob.socket.leaveChat(channel.id);
    await ada.events.next("onchannelpresence", (e) => e.leaves?.[0]?.user_id === bob.session.user_id);
    ada.close();
    bob.close();
  });

  test(`two players play a relayed match (${format})`, async () => {
    const [ada, bob] = [await connect("ada", { format }), await connect("bob", { format })];
    const match = await ada.socket.createMatch();
    const joined = await bob.socket.joinMatch(match.match_id);
    assert.equal(joined.match_id, match.match_id);
    assert.deepEqual(joined.presences.map((p) => p.user_id), [ada.session.user_id]);
    await ada.events.next("onmatchpresence", (e) => e.joins?.[0]?.user_id === bob.session.user_id);

    await ada.socket.sendMatchState(match.match_id, 7, "your move");
    const heard = await bob.events.next("onmatchdata");
    assert.equal(Number(heard.op_code), 7);
    assert.equal(text(heard.data), "your move");
    assert.equal(heard.presence.user_id, ada.session.user_id);
    await bob.socket.sendMatchState(match.match_id, 8, JSON.stringify({ x: 1 }), [match.self], true);
    const answer = await ada.events.next("onmatchdata");
    assert.deepEqual(JSON.parse(text(answer.data)), { x: 1 });

    await bob.socket.leaveMatch(match.match_id);
    await ada.events.next("onmatchpresence", (e) => e.leaves?.[0]?.user_id === bob.session.user_id);
    ada.close();
    bob.close();
  });
}

test("a match by name is the same for everybody", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const name = unique("match");
  const first = await ada.socket.createMatch(name);
  const second = await bob.socket.createMatch(name);
  assert.equal(first.match_id, second.match_id);
  assert.equal(second.size, 2);
  ada.close();
  bob.close();
});

test("followers see a status change and its end", async () => {
  const ada = await connect("ada");
  const bob = await connect("bob", { online: true });
  await bob.socket.updateStatus("in the lobby");
  const { presences } = await ada.socket.followUsers([bob.session.user_id]);
  assert.deepEqual(presences.map((p) => p.status), ["in the lobby"]);
  await bob.socket.updateStatus("playing");
  const changed = await ada.events.next("onstatuspresence");
  assert.deepEqual(changed.joins.map((p) => p.status), ["playing"]);
  assert.deepEqual(changed.leaves.map((p) => p.status), ["in the lobby"]);
  bob.close();
  const gone = await ada.events.next("onstatuspresence");
  assert.deepEqual(gone.leaves.map((p) => p.status), ["playing"]);
  ada.close();
});

test("a player who vanishes leaves room and match", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const channel = await ada.socket.joinChat(unique("room"), ROOM, true, false);
  await bob.socket.joinChat(channel.room_name, ROOM, true, false);
  const match = await ada.socket.createMatch();
  await bob.socket.joinMatch(match.match_id);
  bob.close();
  const left = (e) => e.leaves?.[0]?.user_id === bob.session.user_id;
  await ada.events.next("onchannelpresence", left);
  await ada.events.next("onmatchpresence", left);
  ada.close();
});
