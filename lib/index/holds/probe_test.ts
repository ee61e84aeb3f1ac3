import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { type FakeAnswers, fakeFetch } from "../../net/testing_fetch.ts";
import { ManualClock } from "../../testing_clock.ts";
import { probeHold } from "./probe.ts";
import { CAPTAIN_RECORD } from "./testing_holds.ts";

const HOLD: Did = "did:web:hold.example.com";
const HEALTH = "https://hold.example.com/xrpc/_health";
const never = new AbortController().signal;

function probe(
  answers: FakeAnswers,
  {
    services = { "#atcr_hold": "https://hold.example.com" },
    captain = true,
  }: { services?: Record<string, string>; captain?: boolean } = {},
) {
  const clock = new ManualClock();
  const identity: Identity = {
    did: HOLD,
    handle: undefined,
    pds: undefined,
    signingKey: undefined,
    services,
  };
  const record = { uri: "", cid: "c", value: CAPTAIN_RECORD };
  return probeHold(
    {
      clock,
      identities: {
        resolve: () => Promise.resolve(identity),
        forget: () => Promise.resolve(),
      },
      fetch: fakeFetch(answers).fetch,
      pds: {
        getRecord: () =>
          captain
            ? Promise.resolve(record)
            : Promise.reject(new AppError("UPSTREAM_FAILED", "No.")),
      },
    },
    HOLD,
    never,
  );
}

Deno.test("a hold that answers tells its version and who may read", async () => {
  const found = await probe({ [HEALTH]: { version: "1.2.3" } });
  assert.deepEqual(found, {
    reachable: true,
    latencyMs: 0,
    version: "1.2.3",
    captain: { uri: "", cid: "c", value: CAPTAIN_RECORD },
  });
});

Deno.test("a hold that does not know the question, or answers with a word, is well", async () => {
  for (const answers of [{}, { [HEALTH]: new Response("OK") }]) {
    const found = await probe(answers, { captain: false });
    assert.deepEqual(found, {
      reachable: true,
      latencyMs: 0,
      version: undefined,
      captain: undefined,
    });
  }
});

Deno.test("a hold that fails, cannot be reached or is none is not reachable, with the reason", async () => {
  const failing = await probe({ [HEALTH]: new Response("", { status: 502 }) });
  assert.ok(!failing.reachable && /502/.test(failing.reason));
  const gone = await probe({
    [HEALTH]: new AppError("UPSTREAM_TIMEOUT", "It is slow."),
  });
  assert.deepEqual(gone, { reachable: false, reason: "It is slow." });
  const none = await probe({}, { services: {} });
  assert.ok(!none.reachable && /no hold/.test(none.reason));
});
