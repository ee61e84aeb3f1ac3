/**
 * What a registry knows of holds: its own, and one of another operator.
 */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { startAuthApp } from "../support/auth_app.ts";
import { holdDid, holdEnv, networkEnv } from "../support/hold.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";
import { freePort } from "../tools/ports.ts";

Deno.test("a registry knows captain, crew and health of its own hold", async () => {
  await using sandbox = await startTestSandbox();
  await using app = await startAuthApp(sandbox, {
    env: { ATCR_HOLD_OWNER: sandbox.alice.did },
  });
  const { hold, index, jobs } = app.ctx;
  assert.ok(hold && index);
  const { holds } = index;
  await hold.start.settle();
  const alice = sandbox.alice.did as Did;
  const bob = sandbox.bob.did as Did;
  assert.deepEqual(
    (await holds.heldBy(alice, {})).items.map(({ did }) => did),
    [hold.did],
  );
  const member = { role: "member", permissions: ["blob:read"] };
  await hold.crew.put(bob, member);
  const [place] = (await holds.crewOf(bob, {})).items;
  assert.equal(place?.hold, hold.did);
  assert.deepEqual(place?.crew.permissions, ["blob:read"]);
  assert.equal(place?.facts?.owner, alice);
  await hold.crew.remove(bob);
  assert.deepEqual((await holds.crewOf(bob, {})).items, []);
  await index.settle();
  await jobs.runDue();
  // Nothing listens at its address, but it is here.
  assert.equal((await holds.get(hold.did))?.state.reachable, true);
});

Deno.test("a hold of another operator is checked over HTTP, and reported when it is gone", async () => {
  await using sandbox = await startTestSandbox();
  const origin = `http://localhost:${freePort()}`;
  const did = holdDid(origin) as Did;
  await using other = await startAuthApp(sandbox, {
    env: {
      ...holdEnv(sandbox, sandbox.alice),
      ATCR_HOLD_PUBLIC_URL: origin,
      ATCR_HOLD_PUBLIC: "true",
    },
  });
  await other.ctx.hold?.start.settle();
  const served = Deno.serve(
    { port: Number(new URL(origin).port), onListen: () => {} },
    (request) => other.fetch(request),
  );
  await using app = await startAuthApp(sandbox, {
    env: {
      ...networkEnv(sandbox),
      ATCR_SERVER_ROLES: "registry",
      ATCR_SERVER_DEFAULT_HOLD_DID: did,
      ATCR_HEALTH_CACHE_TTL_SECONDS: "1",
    },
  });
  const { index, jobs } = app.ctx;
  assert.ok(index);
  await index.settle();
  await jobs.runDue();
  const known = await index.holds.get(did);
  assert.equal(known?.state.reachable, true);
  assert.match(known?.state.version ?? "", /^\d/);
  assert.equal(known?.facts?.public, true);
  assert.equal(known?.facts?.owner, sandbox.alice.did);
  const listed = await index.holds.list({});
  assert.deepEqual(listed.items.map((hold) => hold.did), [did]);
  await served.shutdown();
  await until(async () => (await index.holds.health(did)).reachable === false);
  const state = await index.holds.health(did);
  assert.match(state.reason ?? "", /could not be reached/);
  assert.match(state.version ?? "", /^\d/);
  const metrics = await (await app.browser().get("/metrics")).text();
  assert.match(metrics, /atcr_hold_checks_total{outcome="reachable"} \d/);
});
