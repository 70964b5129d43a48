// Groups, their members and their chat.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, refused, signIn, unique } from "./players.mjs";

const GROUP_CHAT = 3;
const id = (player) => player.session.user_id;

const found = (player, open = true, more = {}) =>
  player.client.createGroup(player.session, { name: unique("group"), open, ...more });

const members = async (player, group, state) => {
  const list = await player.client.listGroupUsers(player.session, group.id, state);
  return Object.fromEntries((list.group_users ?? []).map((m) => [m.user.id, m.state]));
};

test("a group is founded, found, changed and deleted", async () => {
  const ada = await signIn("ada");
  const group = await found(ada, false, { description: "a club", lang_tag: "fr", max_count: 7 });
  assert.deepEqual(
    [group.open, group.edge_count, group.max_count, group.lang_tag, group.creator_id],
    [false, 1, 7, "fr", id(ada)],
  );
  const name = unique("new");
  await ada.client.updateGroup(ada.session, group.id, { name, open: true, description: "" });
  const { groups } = await ada.client.listGroups(ada.session, `${name.toUpperCase()}%`, undefined, 10);
  assert.deepEqual(groups.map((g) => [g.id, g.open, g.description]), [[group.id, true, undefined]]);
  await ada.client.deleteGroup(ada.session, group.id);
  const { user_groups: left } = await ada.client.listUserGroups(ada.session, id(ada));
  assert.deepEqual(left ?? [], []);
});

test("a closed group lets in whom its admins accept", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const group = await found(ada, false);
  await bob.client.joinGroup(bob.session, group.id);
  const asked = await ada.events.next("onnotification");
  assert.deepEqual([asked.code, asked.content.group_id], [-5, group.id]);
  assert.deepEqual(await members(ada, group), { [id(ada)]: 0, [id(bob)]: 3 });
  await ada.client.addGroupUsers(ada.session, group.id, [id(bob)]);
  const added = await bob.events.next("onnotification");
  assert.deepEqual([added.code, added.content.name], [-4, group.name]);
  assert.deepEqual(await members(ada, group), { [id(ada)]: 0, [id(bob)]: 2 });
  const { user_groups: own } = await bob.client.listUserGroups(bob.session, id(bob));
  assert.deepEqual(own.map((g) => [g.group.id, g.state, g.group.edge_count]), [[group.id, 2, 2]]);
});

test("the chat hears of its members, and loses those who go", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  const group = await found(ada);
  const chat = await ada.socket.joinChat(group.id, GROUP_CHAT, true, false);
  assert.equal(chat.group_id, group.id);
  await bob.client.joinGroup(bob.session, group.id);
  assert.equal((await ada.events.next("onchannelmessage")).code, 3);
  await bob.socket.joinChat(group.id, GROUP_CHAT, true, false);
  await ada.client.promoteGroupUsers(ada.session, group.id, [id(bob)]);
  assert.equal((await bob.events.next("onchannelmessage")).code, 7);
  await ada.client.demoteGroupUsers(ada.session, group.id, [id(bob)]);
  assert.equal((await bob.events.next("onchannelmessage")).code, 9);
  await ada.client.kickGroupUsers(ada.session, group.id, [id(bob)]);
  assert.equal((await bob.events.next("onchannelmessage")).code, 6);
  await ada.events.next("onchannelpresence", (e) => e.leaves?.[0]?.user_id === id(bob));
  assert.deepEqual(await refused(bob.socket.writeChatMessage(chat.id, { text: "hi" })), { code: 3 });
  assert.deepEqual(await refused(bob.socket.joinChat(group.id, GROUP_CHAT, true, false)), { code: 3 });
  const page = await ada.client.listChannelMessages(ada.session, chat.id, 10, true);
  assert.deepEqual(page.messages.map((m) => m.code), [3, 7, 9, 6]);
  assert.equal(await refused(bob.client.listChannelMessages(bob.session, chat.id, 10)), 400);
});

test("a ban holds until it is lifted", async () => {
  const [ada, bob] = [await signIn("ada"), await signIn("bob")];
  const group = await found(ada);
  await bob.client.joinGroup(bob.session, group.id);
  await ada.client.banGroupUsers(ada.session, group.id, [id(bob)]);
  await bob.client.joinGroup(bob.session, group.id);
  assert.deepEqual(await members(ada, group), { [id(ada)]: 0 });
  assert.deepEqual(await members(ada, group, 4), { [id(bob)]: 4 });
  await ada.client.kickGroupUsers(ada.session, group.id, [id(bob)]);
  await bob.client.joinGroup(bob.session, group.id);
  assert.deepEqual(await members(ada, group), { [id(ada)]: 0, [id(bob)]: 2 });
});

test("the last superadmin stays, or takes the group along", async () => {
  const [ada, bob] = [await signIn("ada"), await signIn("bob")];
  const group = await found(ada);
  await bob.client.joinGroup(bob.session, group.id);
  assert.equal(await refused(ada.client.leaveGroup(ada.session, group.id)), 400);
  await bob.client.leaveGroup(bob.session, group.id);
  await ada.client.leaveGroup(ada.session, group.id);
  assert.equal(await refused(bob.client.joinGroup(bob.session, group.id)), 404);
});

test("many who join at once fill a group exactly", async () => {
  const ada = await signIn("ada");
  const group = await found(ada, true, { max_count: 5 });
  const others = await Promise.all(Array.from({ length: 12 }, (_, i) => signIn(`player-${i}`)));
  const joins = others.map((player) => player.client.joinGroup(player.session, group.id));
  const answers = await Promise.allSettled(joins);
  assert.equal(answers.filter((answer) => answer.status === "fulfilled").length, 4);
  assert.ok(answers.every((a) => a.status === "fulfilled" || a.reason.status === 400));
  const { groups } = await ada.client.listGroups(ada.session, group.name);
  assert.equal(groups[0].edge_count, 5);
  assert.equal(Object.keys(await members(ada, group)).length, 5);
});
