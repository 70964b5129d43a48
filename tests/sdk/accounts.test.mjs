// Signing in, the account, and ways to sign in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newClient, refused, signIn, unique } from "./players.mjs";

test("a device signs in twice and is the same player", async () => {
  const client = newClient();
  const device = unique("device");
  const first = await client.authenticateDevice(device, true);
  const again = await client.authenticateDevice(device, true);
  assert.equal(first.created, true);
  assert.ok(!again.created);
  assert.equal(first.user_id, again.user_id);
  assert.equal(await refused(client.authenticateDevice(unique("device"), false)), 404);
});

test("an email needs its password", async () => {
  const client = newClient();
  const email = `${unique("player")}@example.com`;
  const created = await client.authenticateEmail(email, "a long password", true);
  const again = await client.authenticateEmail(email.toUpperCase(), "a long password", false);
  assert.equal(created.user_id, again.user_id);
  assert.equal(await refused(client.authenticateEmail(email, "another password", false)), 401);
  assert.equal(await refused(client.authenticateEmail(email, "short", false)), 400);
});

test("a session carries its name and variables, and its refresh keeps them", async () => {
  const client = newClient();
  const name = unique("vars");
  const session = await client.authenticateCustom(unique("custom"), true, name, { team: "red" });
  assert.equal(session.username, name);
  assert.deepEqual(session.vars, { team: "red" });
  const refreshed = await client.sessionRefresh(session);
  assert.equal(refreshed.username, name);
  assert.deepEqual(refreshed.vars, { team: "red" });
});

test("profile fields are changed, kept and cleared", async () => {
  const { client, session } = await signIn("profile");
  await client.updateAccount(session, { display_name: "Ada", location: "Paris", timezone: "UTC" });
  await client.updateAccount(session, { display_name: "Ada L.", location: "" });
  const { user } = await client.getAccount(session);
  assert.equal(user.display_name, "Ada L.");
  assert.equal(user.timezone, "UTC");
  assert.ok(!user.location);
  const { users } = await client.getUsers(session, [user.id], [user.username]);
  assert.equal(users.length, 1);
});

test("identities are linked and unlinked, but never the last", async () => {
  const { client, session } = await signIn("links");
  const device = unique("device");
  await client.linkDevice(session, { id: device });
  const email = `${unique("link")}@example.com`;
  await client.linkEmail(session, { email, password: "a long password" });
  const account = await client.getAccount(session);
  assert.deepEqual(account.devices.map((d) => d.id), [device]);
  assert.equal(account.email, email);
  await client.unlinkEmail(session, { email, password: "a long password" });
  await client.unlinkCustom(session, { id: account.custom_id });
  const custom = unique("custom");
  await client.linkCustom(session, { id: custom });
  const found = await newClient().authenticateCustom(custom, false);
  assert.equal(found.user_id, session.user_id);
  await client.unlinkCustom(session, { id: custom });
  assert.equal(await refused(client.unlinkDevice(session, { id: device })), 403);
  const other = await signIn("other");
  assert.equal(await refused(other.client.linkDevice(other.session, { id: device })), 409);
});

test("after a logout the tokens are dead", async () => {
  const { client, session } = await signIn("logout");
  await client.sessionLogout(session, session.token, session.refresh_token);
  assert.equal(await refused(client.getAccount(session)), 401);
  assert.equal(await refused(client.sessionRefresh(session)), 401);
});

test("a deleted account is gone", async () => {
  const { client, session } = await signIn("deleted");
  const other = await signIn("witness");
  await client.deleteAccount(session);
  const { users } = await other.client.getUsers(other.session, [session.user_id]);
  assert.equal(users?.length ?? 0, 0);
});
