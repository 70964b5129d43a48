// Storage objects.

import assert from "node:assert/strict";
import { test } from "node:test";

import { refused, signIn, unique } from "./players.mjs";

test("an object is written, read, listed and deleted", async () => {
  const { client, session } = await signIn("storage");
  const collection = unique("saves");
  const value = { level: 7, items: ["sword", "é"], nested: { empty: {} } };
  const { acks } = await client.writeStorageObjects(session, [
    { collection, key: "slot", value },
    { collection, key: "settings", value: { sound: false }, permission_read: 2 },
  ]);
  assert.deepEqual(acks.map((ack) => ack.key), ["slot", "settings"]);
  const ids = { object_ids: [{ collection, key: "slot", user_id: session.user_id }] };
  const { objects } = await client.readStorageObjects(session, ids);
  assert.deepEqual(objects.map((object) => object.value), [value]);
  assert.equal(objects[0].version, acks[0].version);
  const first = await client.listStorageObjects(session, collection, session.user_id, 1);
  const rest =
    await client.listStorageObjects(session, collection, session.user_id, 1, first.cursor);
  const listed = [...first.objects, ...rest.objects].map((object) => object.key);
  assert.deepEqual(listed, ["slot", "settings"]);
  assert.ok(!rest.cursor);
  await client.deleteStorageObjects(session, { object_ids: [{ collection, key: "slot" }] });
  assert.deepEqual((await client.readStorageObjects(session, ids)).objects, []);
});

test("others see what everybody may read", async () => {
  const ada = await signIn("ada");
  const bob = await signIn("bob");
  const collection = unique("cards");
  const put = (key, permission_read) => ({ collection, key, value: {}, permission_read });
  const shown = [put("nobody", 0), put("owner", 1), put("everybody", 2)];
  await ada.client.writeStorageObjects(ada.session, shown);
  const user_id = ada.session.user_id;
  const object_ids = shown.map(({ key }) => ({ collection, key, user_id }));
  const keys = async ({ client, session }) =>
    (await client.readStorageObjects(session, { object_ids })).objects.map(({ key }) => key);
  assert.deepEqual(await keys(ada), ["owner", "everybody"]);
  assert.deepEqual(await keys(bob), ["everybody"]);
  const { objects } = await bob.client.listStorageObjects(bob.session, collection, undefined, 10);
  assert.deepEqual(objects.map(({ key }) => key), ["everybody"]);
});

test("of many who write over one version, one wins", async () => {
  const { client, session } = await signIn("racers");
  const collection = unique("race");
  const write = async (objects) => (await client.writeStorageObjects(session, objects)).acks;
  const [{ version }] = await write([{ collection, key: "k", value: { lap: 0 } }]);
  const racers = Array.from({ length: 16 }, (_, lap) =>
    write([
      { collection, key: `own ${lap}`, value: {} },
      { collection, key: "k", value: { lap: lap + 1 }, version },
    ]));
  const outcomes = await Promise.allSettled(racers);
  const winners = outcomes.filter(({ status }) => status === "fulfilled");
  assert.equal(winners.length, 1);
  const { objects } = await client.listStorageObjects(session, collection, session.user_id, 100);
  assert.equal(objects.length, 2, "a refused batch leaves nothing");
  assert.equal(await refused(write([{ collection, key: "k", value: {}, version: "*" }])), 400);
});
