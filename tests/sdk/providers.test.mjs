// Other companies' accounts and stores, on a server that is set up for none of them: each call says
// so with the status of the protocol, and nobody outside is asked. What they do where they are set
// up is tested with stand-ins.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newClient, refused, signIn } from "./players.mjs";

test("log-ins that are not set up or prove nothing are refused", async () => {
  const client = newClient();
  assert.equal(await refused(client.authenticateApple("a-token")), 400);
  assert.equal(await refused(client.authenticateFacebook("")), 400);
  assert.equal(await refused(client.authenticateFacebookInstantGame("x.y")), 500);
  assert.equal(await refused(client.authenticateGoogle("a-code")), 401);
  assert.equal(await refused(client.authenticateSteam("a-ticket")), 400);
  const [bundle, player, salt, signature] = ["com.example.game", "T:_1", "c2FsdA==", "c2lnbg=="];
  const elsewhere = "https://example.com/key.cer";
  const byGameCenter = (bundleId) =>
    client.authenticateGameCenter(bundleId, player, elsewhere, salt, signature, "1");
  assert.equal(await refused(byGameCenter("")), 400);
  assert.equal(await refused(byGameCenter(bundle)), 401);
});

test("links that are not set up or prove nothing are refused", async () => {
  const { client, session } = await signIn("ada");
  assert.equal(await refused(client.linkApple(session, { token: "a-token" })), 400);
  assert.equal(await refused(client.linkFacebook(session, { token: "" })), 400);
  const signed = { signed_player_info: "x.y" };
  assert.equal(await refused(client.linkFacebookInstantGame(session, signed)), 400);
  assert.equal(await refused(client.linkGameCenter(session, { player_id: "T:_1" })), 400);
  assert.equal(await refused(client.linkGoogle(session, { token: "a-code" })), 401);
  assert.equal(await refused(client.linkSteam(session, { account: { token: "x" } })), 400);
});

test("what is not linked cannot be unlinked", async () => {
  const { client, session } = await signIn("ada");
  assert.equal(await refused(client.unlinkApple(session, {})), 403);
  assert.equal(await refused(client.unlinkFacebook(session, {})), 403);
  assert.equal(await refused(client.unlinkFacebookInstantGame(session, {})), 403);
  assert.equal(await refused(client.unlinkGameCenter(session, {})), 403);
  assert.equal(await refused(client.unlinkGoogle(session, {})), 403);
  assert.equal(await refused(client.unlinkSteam(session, {})), 403);
});

test("friends are imported with a proof only", async () => {
  const { client, session } = await signIn("ada");
  assert.equal(await refused(client.importFacebookFriends(session, { token: "" })), 400);
  assert.equal(await refused(client.importSteamFriends(session, { token: "x" }, false)), 400);
});

test("stores that are not set up say so", async () => {
  const { client, session } = await signIn("ada");
  assert.equal(await refused(client.validatePurchaseApple(session, "a-receipt")), 400);
  assert.equal(await refused(client.validatePurchaseGoogle(session, "{}")), 400);
  assert.equal(await refused(client.validatePurchaseHuawei(session, "{}", "c2lnbg==")), 400);
  assert.equal(await refused(client.validatePurchaseFacebookInstant(session, "x.y")), 400);
  assert.equal(await refused(client.validateSubscriptionApple(session, "a-receipt")), 400);
  assert.equal(await refused(client.validateSubscriptionGoogle(session, "{}")), 400);
});

test("a player without subscriptions has none", async () => {
  const { client, session } = await signIn("ada");
  const list = await client.listSubscriptions(session);
  assert.deepEqual(list.validated_subscriptions ?? [], []);
  assert.equal(await refused(client.getSubscription(session, "a-product")), 404);
});
