// The documents that a server gives away are valid, and they are about everything it offers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import asyncapi from "@asyncapi/specs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const at = `http://127.0.0.1:${process.env.TAVERN_PORT ?? "7350"}`;

async function document(path) {
  const answer = await fetch(at + path);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  return answer.json();
}

/** What the definitions bind calls to, read without the code that makes the documents. */
function bindings() {
  const text = readFileSync(new URL("../../proto/nakama/api/service.proto", import.meta.url), "utf8");
  const all = text.matchAll(/method:\s*"(\w+)"\s*path:\s*"([^"]+)"/g);
  return [...all].map(([, verb, path]) => `${verb} ${path.replace("...}", "}")}`);
}

test("the OpenAPI document is valid and has every route", async () => {
  const found = await document("/openapi.json");
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(found));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  const operations = Object.entries(found.paths).flatMap(([path, item]) =>
    Object.keys(item).map((verb) => `${verb.toUpperCase()} ${path}`));
  assert.deepEqual(operations.sort(), bindings().sort());
  assert.ok(operations.length > 85, "every call has at least one");
});

test("every operation says who may, what it answers and how it refuses", async () => {
  const { paths } = await document("/openapi.json");
  const seen = new Set();
  for (const [path, item] of Object.entries(paths)) {
    for (const [verb, operation] of Object.entries(item)) {
      const name = `${verb} ${path}`;
      assert.ok(!seen.has(operation.operationId), name);
      seen.add(operation.operationId);
      assert.ok(operation.summary, name);
      const { responses } = operation;
      assert.ok(responses["200"] && responses["400"] && responses["429"], name);
      assert.equal("401" in responses, operation.security.length > 0, name);
      const named = [...path.matchAll(/{(\w+)}/g)].map(([, param]) => param);
      const inPath = operation.parameters.filter((p) => p.in === "path").map((p) => p.name);
      assert.deepEqual(inPath, named, name);
    }
  }
});

test("the AsyncAPI document is valid and has every envelope", async () => {
  const found = await document("/asyncapi.json");
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false, validateSchema: false });
  addFormats(ajv);
  const check = ajv.compile(asyncapi.schemasWithoutId["3.0.0"]);
  assert.ok(check(found), JSON.stringify(check.errors?.slice(0, 5), null, 1));
  const text = readFileSync(
    new URL("../../proto/nakama/realtime/envelope.proto", import.meta.url), "utf8");
  const members = [...text.matchAll(/(\w+) = \d+ \[\(tavern\.sender\) = (\w+)\]/g)];
  assert.ok(members.length >= 50);
  for (const [, name, sender] of members) {
    assert.ok(found.components.messages[name], name);
    assert.equal(`receive_${name}` in found.operations, sender !== "SERVER", name);
    assert.equal(`send_${name}` in found.operations, sender !== "CLIENT", name);
  }
});

test("every reference in the documents leads somewhere", async () => {
  for (const path of ["/openapi.json", "/asyncapi.json"]) {
    const found = await document(path);
    const follow = (ref) => ref.slice(2).split("/").reduce((at, part) => at?.[part], found);
    const walk = (value) => {
      if (value === null || typeof value !== "object") return;
      if (typeof value.$ref === "string") assert.ok(follow(value.$ref), value.$ref);
      Object.values(value).forEach(walk);
    };
    walk(found);
  }
});
