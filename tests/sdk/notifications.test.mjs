// Notifications: kept for those who are away, shown to those who are there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, signIn, unique } from "./players.mjs";

const DIRECT = 2;
const id = (player) => player.session.user_id;

const ask = async (other) => {
  const player = await signIn("asking");
  await player.client.addFriends(player.session, [id(other)]);
  return player.session.username;
};

test("what one was told while away is read in pages, once", async () => {
  const ada = await signIn("ada");
  const asked = [];
  for (let i = 0; i < 3; i += 1) asked.push(await ask(ada));
  const seen = [];
  let cursor;
  for (;;) {
    const page = await ada.client.listNotifications(ada.session, 2, cursor);
    cursor = page.cacheable_cursor;
    if (!page.notifications?.length) break;
    seen.push(...page.notifications);
  }
  assert.deepEqual(seen.map((n) => n.content.username), asked);
  const newer = await ask(ada);
  const page = await ada.client.listNotifications(ada.session, 10, cursor);
  assert.deepEqual(page.notifications.map((n) => n.content.username), [newer]);

  await ada.client.deleteNotifications(ada.session, seen.map((n) => n.id));
  const left = await ada.client.listNotifications(ada.session, 10);
  assert.deepEqual(left.notifications.map((n) => n.id), page.notifications.map((n) => n.id));
});

for (const format of ["json", "protobuf"]) {
  test(`every socket of a player is told (${format})`, async () => {
    const ada = await connect("ada", { format });
    const asked = await ask(ada);
    const told = await ada.events.next("onnotification");
    assert.deepEqual([told.code, told.content.username], [-2, asked]);
    assert.equal(told.persistent, true);
  });
}

test("a direct chat tells the one who is away, once", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const chat = await ada.socket.joinChat(id(bob), DIRECT, true, false);
  const told = await bob.events.next("onnotification");
  assert.deepEqual([told.code, told.sender_id], [-1, id(ada)]);
  await ada.socket.joinChat(id(bob), DIRECT, true, false);
  const same = await bob.socket.joinChat(id(ada), DIRECT, true, false);
  assert.equal(same.id, chat.id);
  const text = unique("text");
  await bob.socket.writeChatMessage(chat.id, { text });
  const heard = await ada.events.next("onchannelmessage");
  assert.deepEqual(heard.content, { text });
  assert.deepEqual(bob.events.left("onnotification"), []);
  assert.deepEqual(ada.events.left("onnotification"), []);
  const page = await bob.client.listChannelMessages(bob.session, chat.id, 10);
  assert.deepEqual(page.messages.map((m) => m.content), [{ text }]);
});

test("a block closes the direct chat", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const chat = await ada.socket.joinChat(id(bob), DIRECT, true, false);
  await bob.socket.joinChat(id(ada), DIRECT, true, false);
  await ada.client.blockFriends(ada.session, [id(bob)]);
  await assert.rejects(bob.socket.writeChatMessage(chat.id, { text: "still there?" }));
  await assert.rejects(bob.socket.joinChat(id(ada), DIRECT, true, false));
});
