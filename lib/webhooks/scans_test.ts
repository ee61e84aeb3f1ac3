import assert from "node:assert/strict";
import {
  ALICE,
  BOB,
  EVERYTHING,
  HOLD,
  startTestWebhooks,
} from "./testing_webhooks.ts";

const HEX = "ab".repeat(32);
const DAY = 86_400_000;

type Rig = Awaited<ReturnType<typeof startTestWebhooks>>;

/** A report of `ago` milliseconds ago about an image of ALICE's. */
function report({ clock }: Rig, critical: number, ago = 0, more: object = {}) {
  return {
    manifest: `at://${ALICE}/io.atcr.manifest/${HEX}`,
    repository: "app",
    userDid: ALICE,
    ...{ critical, high: 0, medium: 0, low: 0, total: critical },
    scannerVersion: "1.0",
    scannedAt: new Date(clock.now() - ago).toISOString(),
    ...more,
  };
}

async function start() {
  const rig = await startTestWebhooks();
  const make = (trigger: "scan:first" | "scan:all" | "scan:changed") =>
    rig.webhooks.create(ALICE, { ...EVERYTHING, triggers: [trigger] });
  await make("scan:first");
  await make("scan:all");
  await make("scan:changed");
  /** Takes a record; the triggers that were sent for it. */
  const take = async (record: unknown, did = HOLD) => {
    const before = rig.received.length;
    await rig.scans.apply({ did, record });
    await rig.jobs.runDue();
    return rig.received.slice(before)
      .map(({ headers }) => headers.get("x-webhook-event")).toSorted();
  };
  return { ...rig, take };
}

Deno.test("the first report, every one and changed ones call those who want them", async () => {
  using rig = await start();
  const { take, clock } = rig;
  assert.deepEqual(await take(report(rig, 1)), ["scan:all", "scan:first"]);
  clock.advance(1_000);
  assert.deepEqual(await take(report(rig, 1)), ["scan:all"]);
  clock.advance(1_000);
  assert.deepEqual(await take(report(rig, 2)), ["scan:all", "scan:changed"]);
  const changed = rig.received.map(({ body }) => JSON.parse(body))
    .find(({ trigger }) => trigger === "scan:changed");
  assert.equal(changed.previous.critical, 1);
  assert.equal(changed.scan.vulnerabilities.critical, 2);
  assert.equal(changed.manifest.digest, `sha256:${HEX}`);
});

Deno.test("a report that comes twice or late is sent once", async () => {
  using rig = await start();
  const one = report(rig, 1);
  await rig.take(one);
  assert.deepEqual(await rig.take(one), []);
  assert.deepEqual(await rig.take(report(rig, 5, 60_000)), []);
});

Deno.test("old reports are remembered and not sent", async () => {
  using rig = await start();
  assert.deepEqual(await rig.take(report(rig, 1, 2 * DAY)), []);
  assert.deepEqual(await rig.take(report(rig, 2)), [
    "scan:all",
    "scan:changed",
  ]);
});

Deno.test("reports of strangers, of the future and of nothing are ignored", async () => {
  using rig = await start();
  const { take } = rig;
  assert.deepEqual(await take(report(rig, 1), "did:web:liar.example.com"), []);
  for (
    const record of [
      undefined,
      null,
      {},
      report(rig, 1, -DAY),
      report(rig, -1),
      report(rig, 1, 0, { userDid: BOB }),
      report(rig, 1, 0, { manifest: `at://${ALICE}/io.atcr.tag/${HEX}` }),
      report(rig, 1, 0, { status: "failed" }),
      report(rig, 1, 0, { scannedAt: "yesterday" }),
    ]
  ) {
    assert.deepEqual(await take(record), [], JSON.stringify(record));
  }
  assert.equal((await take(report(rig, 1))).length, 2);
});
