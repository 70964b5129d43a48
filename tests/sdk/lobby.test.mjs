// What runs and who waits, and events of clients.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, signIn } from "./players.mjs";

test("a running match is listed with how many play", async () => {
  const ada = await connect("ada");
  const match = await ada.socket.createMatch();
  const list = await ada.client.listMatches(ada.session, 100, false, null, 1, 1);
  const listed = list.matches.find((one) => one.match_id === match.match_id);
  assert.equal(listed?.size, 1);
  ada.close();
});

test("an event is taken", async () => {
  const { client, session } = await signIn("ada");
  assert.ok(await client.emitEvent(session, { name: "level_done", properties: { level: "7" } }));
});
