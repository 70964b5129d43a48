// Chat of groups and between two, statuses, streams, functions and notifications, in both formats.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, id, ids, refused, unique } from "./players.mjs";

const DIRECT = 2;
const GROUP = 3;

for (const format of ["json", "protobuf"]) {
  const two = async () => [await connect("ada", { format }), await connect("bob", { format })];

  test(`members chat in their group (${format})`, async () => {
    const [ada, bob] = await two();
    const group = await ada.client.createGroup(ada.session, { name: unique("group"), open: true });
    assert.deepEqual(await refused(bob.socket.joinChat(group.id, GROUP, true, false)), { code: 3 });
    await bob.client.joinGroup(bob.session, group.id);
    const channel = await ada.socket.joinChat(group.id, GROUP, true, false);
    assert.equal(channel.group_id, group.id);
    await bob.socket.joinChat(group.id, GROUP, true, false);
    const sent = await bob.socket.writeChatMessage(channel.id, { text: "hello" });
    const heard = await ada.events.next("onchannelmessage", (m) => m.message_id === sent.message_id);
    assert.deepEqual([heard.group_id, heard.content], [group.id, { text: "hello" }]);
    assert.equal(heard.sender_id, id(bob));
    ada.close();
    bob.close();
  });

  test(`two chat with each other (${format})`, async () => {
    const [ada, bob] = await two();
    const channel = await ada.socket.joinChat(id(bob), DIRECT, true, false);
    assert.deepEqual([channel.user_id_one, channel.user_id_two].sort(), [id(ada), id(bob)].sort());
    const asked = await bob.events.next("onnotification");
    assert.deepEqual([asked.code, asked.sender_id], [-1, id(ada)]);
    const same = await bob.socket.joinChat(id(ada), DIRECT, true, false);
    assert.equal(same.id, channel.id);
    const first = await bob.socket.writeChatMessage(channel.id, { text: "hi" });
    assert.equal((await ada.events.next("onchannelmessage")).message_id, first.message_id);
    await bob.socket.updateChatMessage(channel.id, first.message_id, { text: "hi!" });
    assert.deepEqual((await ada.events.next("onchannelmessage")).content, { text: "hi!" });
    const theirs = ada.socket.removeChatMessage(channel.id, first.message_id);
    assert.deepEqual(await refused(theirs), { code: 3 }, "it is not hers");
    await bob.socket.removeChatMessage(channel.id, first.message_id);
    assert.equal((await ada.events.next("onchannelmessage")).code, 2);
    await ada.socket.leaveChat(channel.id);
    await bob.events.next("onchannelpresence", (event) => ids(event.leaves).includes(id(ada)));
    ada.close();
    bob.close();
  });

  test(`who unfollows sees no more (${format})`, async () => {
    const [ada, bob] = await two();
    await ada.socket.followUsers([id(bob)]);
    const of = (event) => ids(event.joins).includes(id(bob));
    const status = (event) => event.joins.map((presence) => presence.status);
    await bob.socket.updateStatus("here");
    assert.deepEqual(status(await ada.events.next("onstatuspresence", of)), ["here"]);
    await ada.socket.unfollowUsers([id(bob)]);
    await bob.socket.updateStatus("unseen");
    const { presences } = await ada.socket.followUsers([id(bob)]);
    assert.deepEqual(presences.map((presence) => presence.status), ["unseen"]);
    await bob.socket.updateStatus("seen");
    assert.deepEqual(status(await ada.events.next("onstatuspresence", of)), ["seen"]);
    await bob.socket.updateStatus();
    const gone = await ada.events.next("onstatuspresence");
    assert.deepEqual([ids(gone.joins), ids(gone.leaves)], [[], [id(bob)]], "offline");
    ada.close();
    bob.close();
  });

  test(`a stream of the studio's own (${format})`, async () => {
    const [ada, bob] = await two();
    const label = unique("stream");
    await ada.socket.rpc("stream_join", label);
    await ada.events.next("onstreampresence", (event) => ids(event.joins).includes(id(ada)));
    await bob.socket.rpc("stream_join", label);
    const event = await ada.events.next("onstreampresence");
    assert.deepEqual([event.stream.mode, event.stream.label], [42, label]);
    assert.deepEqual(ids(event.joins), [id(bob)]);
    await ada.socket.rpc("stream_send", label);
    for (const player of [ada, bob]) {
      const told = await player.events.next("onstreamdata");
      assert.deepEqual([told.stream.label, told.data], [label, "hello"]);
    }
    await bob.socket.rpc("stream_leave", label);
    assert.deepEqual(ids((await ada.events.next("onstreampresence")).leaves), [id(bob)]);
    ada.close();
    bob.close();
  });

  test(`functions and notifications on a socket (${format})`, async () => {
    const ada = await connect("ada", { format });
    const answer = await ada.socket.rpc("echo", "hello");
    assert.deepEqual([answer.id, answer.payload], ["echo", "hello"]);
    assert.deepEqual(await refused(ada.socket.rpc("unknown")), { code: 6 });
    assert.deepEqual(await refused(ada.socket.rpc("fails")), { code: 7 });
    await ada.socket.rpc("notify");
    const told = await ada.events.next("onnotification");
    assert.deepEqual([told.subject, told.code, told.content], ["hello", 101, { n: 1 }]);
    const { notifications } = await ada.client.listNotifications(ada.session, 10);
    assert.equal(notifications?.length ?? 0, 0, "it was for those who are there");
    ada.close();
  });

  test(`pings are answered, pongs are not (${format})`, async () => {
    const ada = await connect("ada", { format });
    ada.socket.adapter.send({ pong: {} });
    const answer = await ada.socket.send({ ping: {} });
    assert.ok(answer.pong, "the socket is still open");
    ada.close();
  });
}
