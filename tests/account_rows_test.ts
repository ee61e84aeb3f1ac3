/** The list of what is kept about an account is complete, and acts. */

import assert from "node:assert/strict";
import type { Did } from "../lib/did.ts";
import { INDEX_VERSION } from "../lib/index/version.ts";
import { openKv } from "../lib/kv/open_kv.ts";
import {
  ACCOUNT_GROUPS,
  KEPT_ROWS,
} from "../lib/registry/account/account_groups.ts";
import { AccountRows } from "../lib/registry/account/account_rows.ts";
import { ManualClock } from "../lib/testing_clock.ts";
import { keyBuilders } from "./support/key_builders.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";

const all = await keyBuilders();
const builders = all.filter(({ takesDid }) => takesDid);
const byRows = ACCOUNT_GROUPS.flatMap((
  { exported = [], derived = [], byTime = [] },
) => [...exported, ...derived, ...byTime]);
const listed = [
  ...byRows,
  ...ACCOUNT_GROUPS.flatMap(({ byService = [] }) => byService),
  ...KEPT_ROWS.flatMap(({ kinds }) => kinds),
];

Deno.test("every kind of row about an account is exported and deleted, or listed with why it stays", () => {
  const missing = builders.filter(({ kind }) => !listed.includes(kind))
    .map(({ path, name, kind }) => `${path}: ${name} makes ${kind}`);
  assert.ok(
    missing.length === 0,
    `${missing.join("\n")}\nAdd it to lib/registry/account/account_groups.ts.`,
  );
});

Deno.test("the list names each kind of row once, and none that does not exist", () => {
  assert.deepEqual([...new Set(listed)], listed);
  const made = new Set(all.map(({ kind }) => kind));
  assert.deepEqual(listed.filter((kind) => !made.has(kind)), []);
});

Deno.test("rows of an account go by the list, those of others stay, and an interrupted removal is continued", async () => {
  const kv = await openKv(":memory:", new ManualClock());
  const rows = new AccountRows({ kv, indexVersion: INDEX_VERSION });
  const ofList = builders.filter(({ kind }) => byRows.includes(kind));
  for (const { key } of ofList) {
    await kv.set(key(ALICE), "of alice");
    await kv.set(key(BOB), "of bob");
  }
  // More than one commit removes.
  for (let i = 0; i < 450; i++) {
    await kv.set(["observed", "tag_move", ALICE, "app", "v1", i], "of alice");
  }
  const valuesOf = async () => {
    const entries = await Array.fromAsync(kv.entries());
    return entries.map(({ value }) => value);
  };
  const before = (await valuesOf()).filter((one) => one === "of bob").length;
  const exported = (await Promise.all(
    ACCOUNT_GROUPS.map((group) => Array.fromAsync(rows.read(ALICE, group))),
  )).flat();
  const kinds = new Set(exported.map(({ kind }) => kind));
  for (const { exported = [], byTime = [] } of ACCOUNT_GROUPS) {
    for (const kind of [...exported, ...byTime]) {
      assert.ok(kinds.has(kind), kind);
    }
  }
  assert.ok(exported.every(({ value }) => value === "of alice"));
  const stop = new AbortController();
  const images = ACCOUNT_GROUPS.find(({ name }) => name === "images");
  assert.ok(images);
  const stopped = rows.remove(ALICE, images, stop.signal);
  stop.abort();
  await assert.rejects(stopped, { name: "AbortError" });
  const signal = AbortSignal.timeout(60_000);
  for (const group of ACCOUNT_GROUPS) await rows.remove(ALICE, group, signal);
  const after = await valuesOf();
  assert.deepEqual([...new Set(after)], ["of bob"]);
  assert.equal(after.length, before);
  kv.close();
});
