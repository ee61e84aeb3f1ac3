import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { RemoteCalls } from "./remote_calls.ts";
import { RemoteQuota } from "./remote_quota.ts";
import { silentLogger } from "../../testing_log.ts";

const HOLD: Did = "did:web:hold.example.com";
const ALICE: Did = "did:plc:alicealicealicealiceal22";
const BOB: Did = "did:plc:bobbobbobbobbobbobbobbo2";
const digest = (name: string): Digest =>
  digestOf(new TextEncoder().encode(name));

/** Responses of the hold; undefined if it does not have the method. */
interface Answers {
  quota?: unknown;
  layers?: readonly { digest: string; size: number; userDid: string }[];
  /** Whether its list of records never ends. */
  endless?: boolean;
}

function imageOf(layers: Readonly<Record<string, number>>): PushEvent {
  return {
    repository: "app",
    owner: ALICE,
    digest: digest("manifest"),
    manifest: {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      layers: Object.entries(layers).map(([name, size]) => ({
        digest: digest(name),
        size,
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      })),
    },
  };
}

/** Whether a push of `layers` is refused, and the number of queries to the hold. */
async function decide(
  answers: Answers,
  layers: Readonly<Record<string, number>>,
): Promise<{ refusal: string | undefined; asked: number }> {
  let asked = 0;
  const calls = new RemoteCalls({
    did: HOLD,
    origin: "https://hold.example.com",
    targets: { plain: false, plainOrigins: [], ownOrigins: [] },
    session: () => Promise.resolve(undefined),
    fetch: (url) => {
      asked++;
      const { pathname } = new URL(url);
      const { quota, layers: records, endless } = answers;
      const body = pathname.endsWith("getQuota") ? quota : records && {
        records: records.map((value) => ({ value })),
        ...(endless ? { cursor: "more" } : {}),
      };
      return Promise.resolve(
        body === undefined
          ? new Response("{}", { status: 404 })
          : Response.json(body),
      );
    },
  });
  try {
    await new RemoteQuota(calls, silentLogger).admit(imageOf(layers));
    return { refusal: undefined, asked };
  } catch (error) {
    assert.ok(isAppError(error, "QUOTA_EXCEEDED"), String(error));
    return { refusal: error.message, asked };
  }
}

const quota = { totalSize: 900, limit: 1000 };
const mine = [
  { digest: digest("a"), size: 600, userDid: ALICE },
  { digest: digest("b"), size: 300, userDid: ALICE },
  { digest: digest("a"), size: 600, userDid: ALICE },
  { digest: digest("c"), size: 900, userDid: BOB },
];

Deno.test("a push that a remote hold would refuse is refused with its figures", async () => {
  const { refusal } = await decide({ quota, layers: mine }, { a: 600, n: 101 });
  assert.match(refusal ?? "", /900 of 1000 bytes .* 101 more .* delete images/);
  // For a hold that lists no records only the total is used.
  assert.ok((await decide({ quota }, { n: 101 })).refusal);
  // More than the limit on its own.
  const endless = { quota, layers: mine, endless: true };
  assert.ok((await decide(endless, { n: 1001 })).refusal);
});

Deno.test("a push that a remote hold may accept proceeds", async () => {
  const passes = async (answers: Answers, layers: Record<string, number>) => {
    const { refusal, asked } = await decide(answers, layers);
    assert.equal(refusal, undefined);
    return asked;
  };
  assert.equal(await passes({ quota, layers: mine }, { n: 100 }), 1);
  // Layers counted already cost nothing.
  await passes({ quota, layers: mine }, { a: 600, b: 300, n: 100 });
  // The total may include these very layers already, as uploads.
  await passes({ quota, layers: [] }, { n: 900 });
  await passes({ quota: { totalSize: 5 }, layers: [] }, { n: 900 });
  await passes({ quota: "nonsense" }, { n: 900 });
  await passes({}, { n: 900 });
  // With endless records the usage is unknown.
  const endless = { quota, layers: mine, endless: true };
  assert.ok(await passes(endless, { n: 200 }) <= 12);
});
