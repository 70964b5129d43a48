// Friends, invitations and blocks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, refused, signIn } from "./players.mjs";

const FRIEND = 0;
const SENT = 1;
const RECEIVED = 2;
const BLOCKED = 3;

const named = async (player, state) => {
  const { friends } = await player.client.listFriends(player.session, state);
  return (friends ?? []).map((friend) => [friend.user.username, friend.state]);
};
const name = (player) => player.session.username;
const id = (player) => player.session.user_id;

test("an invitation is seen, told and agreed to", async () => {
  const [ada, bob] = [await connect("ada"), await connect("bob")];
  await ada.client.addFriends(ada.session, [], [name(bob)]);
  assert.deepEqual(await named(ada), [[name(bob), SENT]]);
  assert.deepEqual(await named(bob), [[name(ada), RECEIVED]]);
  const asked = await bob.events.next("onnotification");
  assert.deepEqual([asked.code, asked.content.username], [-2, name(ada)]);

  await bob.client.addFriends(bob.session, [id(ada)]);
  assert.deepEqual(await named(ada, FRIEND), [[name(bob), FRIEND]]);
  assert.deepEqual(await named(ada, SENT), []);
  assert.equal((await ada.events.next("onnotification")).code, -3);
  const { user } = await ada.client.getAccount(ada.session);
  assert.equal(user.edge_count, 1);

  await ada.client.deleteFriends(ada.session, [id(bob)]);
  assert.deepEqual(await named(bob), []);
  assert.equal((await bob.events.next("onnotification")).code, -9);
});

test("whoever is blocked cannot ask", async () => {
  const [ada, bob] = [await signIn("ada"), await signIn("bob")];
  await ada.client.blockFriends(ada.session, [id(bob)]);
  await bob.client.addFriends(bob.session, [id(ada)]);
  assert.deepEqual(await named(bob), []);
  assert.deepEqual(await named(ada), [[name(bob), BLOCKED]]);
  await ada.client.deleteFriends(ada.session, [id(bob)]);
  await bob.client.addFriends(bob.session, [id(ada)]);
  assert.deepEqual(await named(ada), [[name(bob), RECEIVED]]);
});

test("a list comes in pages and says who is online", async () => {
  const ada = await signIn("ada");
  const others = [];
  for (const who of ["bob", "eve", "sue"]) others.push(await connect(who, { online: true }));
  await ada.client.addFriends(ada.session, others.map(id));
  const seen = [];
  let cursor;
  do {
    const page = await ada.client.listFriends(ada.session, undefined, 2, cursor);
    seen.push(...page.friends);
    ({ cursor } = page);
  } while (cursor);
  assert.deepEqual(seen.map((f) => f.user.id).sort(), others.map(id).sort());
  assert.ok(seen.every((friend) => friend.user.online));
});

test("friends of friends are shown with who they come from", async () => {
  const [ada, bob, eve] = [await signIn("ada"), await signIn("bob"), await signIn("eve")];
  for (const [one, other] of [[ada, bob], [bob, eve]]) {
    await one.client.addFriends(one.session, [id(other)]);
    await other.client.addFriends(other.session, [id(one)]);
  }
  const { friends_of_friends: found } = await ada.client.listFriendsOfFriends(ada.session, 10);
  assert.deepEqual(found.map((f) => [f.referrer, f.user.id]), [[id(bob), id(eve)]]);
});

test("players who ask each other at once are friends", async () => {
  for (let turn = 0; turn < 10; turn += 1) {
    const [ada, bob] = [await signIn("ada"), await signIn("bob")];
    await Promise.all([
      ada.client.addFriends(ada.session, [id(bob)]),
      bob.client.addFriends(bob.session, [id(ada)]),
      ada.client.addFriends(ada.session, [], [name(bob)]),
      bob.client.addFriends(bob.session, [], [name(ada)]),
    ]);
    for (const [one, other] of [[ada, bob], [bob, ada]]) {
      assert.deepEqual(await named(one), [[name(other), FRIEND]]);
      const { user } = await one.client.getAccount(one.session);
      assert.equal(user.edge_count, 1);
    }
  }
});

test("nobody is their own friend", async () => {
  const ada = await signIn("ada");
  assert.equal(await refused(ada.client.addFriends(ada.session, [id(ada)])), 400);
  assert.equal(await refused(ada.client.addFriends(ada.session, [], [name(ada)])), 400);
});
