/**
 * Responses when the PDS of an account fails, the account is inactive or the
 * PDS returns wrong content, through the avatar routes and the real PDS client.
 */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { createGuardedFetch } from "../../lib/net/guarded_fetch.ts";
import type { TransportRequest } from "../../lib/net/http_transport.ts";
import { PdsClient } from "../../lib/atproto/pds/pds_client.ts";
import { DEFAULT_AVATAR_OPTIONS } from "../../lib/avatar/options.ts";
import { systemClock } from "../../lib/clock.ts";
import { blobCid, FakeNetwork } from "../../tests/support/avatar_network.ts";
import { fixture } from "../../tests/support/images.ts";
import { openAvatars } from "./testing_avatars.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const PICTURE = fixture("png/rgb8.png");

type Answer = (request: TransportRequest) => Promise<Response> | Response;

const refuse = (status: number, error: string, message = error): Answer => () =>
  Response.json({ error, message }, { status });

const breakOff: Answer = () => Promise.reject(new TypeError("refused"));

/** Never responds, and ends when the caller aborts. */
const hang: Answer = ({ signal }) =>
  new Promise((_, reject) =>
    signal?.addEventListener("abort", () => reject(signal.reason))
  );

/** Responds at once, with a body that stalls after its first byte. */
const stall: Answer = () =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(PICTURE.subarray(0, 1)),
    }),
  );

const endless: Answer = () =>
  new Response(
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    }),
  );

const profile = (cid = blobCid(PICTURE)): Answer => () =>
  Response.json({
    uri: `at://${ALICE}/app.bsky.actor.profile/self`,
    value: {
      avatar: {
        $type: "blob",
        ref: { $link: cid },
        mimeType: "image/png",
        size: PICTURE.length,
      },
    },
  });

/** Responses of a PDS that works except for what a test changes. */
class Pds {
  getRecord = profile();
  getBlob: Answer = () => new Response(PICTURE);
  describeRepo: Answer = () => Response.json({ collections: [] });
  /** Requests received. */
  asked = 0;

  answer(request: TransportRequest): Promise<Response> {
    this.asked++;
    const method = request.url.pathname.split(".").at(-1);
    const answer = method === "getRecord" || method === "getBlob" ||
        method === "describeRepo"
      ? this[method]
      : refuse(501, "MethodNotImplemented");
    return Promise.resolve(answer(request));
  }
}

interface World {
  readonly pds: Pds;
  readonly clock: ManualClock;
  get(query?: string): Promise<Response>;
}

/** @param upstreamTimeoutMs timeout of a PDS; short where it never responds. */
async function withWorld(
  body: (world: World) => Promise<void>,
  upstreamTimeoutMs = 60_000,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const network = new FakeNetwork();
  network.addAccount(ALICE, "alice.test");
  const pds = new Pds();
  const fetch = createGuardedFetch({
    userAgent: "test/1",
    clock: systemClock,
    resolve: () => Promise.resolve(["93.184.216.34"]),
    transport: { send: (request) => pds.answer(request), close() {} },
  });
  const { identities } = network;
  using avatars = await openAvatars(
    { kv, clock, identities, pds: new PdsClient(fetch) },
    { upstreamTimeoutMs },
  );
  const { app } = avatars;
  await body({
    pds,
    clock,
    get: async (query = "") => await app.request(`/alice.test${query}`),
  });
}

/** A short timeout where the test waits for it. */
const patience = (status: number) => status === 504 ? 500 : 60_000;

const BAD_RECORDS: readonly [string, number, Answer][] = [
  ["cannot be reached", 502, breakOff],
  ["does not answer", 504, hang],
  ["sends no more than the first byte", 504, stall],
  ["breaks", 502, refuse(500, "InternalServerError")],
  ["is overloaded", 502, refuse(503, "UpstreamFailure")],
  ["asks us to slow down", 502, refuse(429, "RateLimitExceeded")],
  ["answers with a page", 502, () => new Response("<html>")],
  ["answers without end", 502, endless],
  ["has deactivated the account", 404, refuse(400, "RepoDeactivated")],
  ["has suspended the account", 404, refuse(400, "RepoSuspended")],
  ["has taken the account down", 404, refuse(400, "RepoTakendown")],
  ["has no such account", 404, refuse(400, "RepoNotFound")],
  [
    "says in a sentence that it does not show the account",
    404,
    refuse(400, "InvalidRequest", "Could not locate record: at://…"),
  ],
  // The CID of a record, and one of a length that no CID has.
  [
    "names what is no blob",
    404,
    profile("bafyreihyrpefhacm6kkp4ql6j6udakdit7g3dmkzfriqfykhjw6cad5lrm"),
  ],
  ["names what is no CID", 404, profile(`b${"a".repeat(58)}`)],
];

for (const [what, status, answer] of BAD_RECORDS) {
  Deno.test(`returns ${status}, or the fallback, for a PDS that ${what}`, () =>
    withWorld(async ({ pds, get }) => {
      pds.getRecord = answer;
      assert.equal((await get()).status, status);
      assert.equal((await get("?fallback=initials")).status, 200);
    }, patience(status)));
}

const BAD_BLOBS: readonly [string, number, Answer][] = [
  ["cannot be reached", 502, breakOff],
  ["does not answer", 504, hang],
  ["sends no more than the first byte", 504, stall],
  ["breaks", 502, refuse(500, "InternalServerError")],
  ["asks us to slow down", 502, refuse(429, "RateLimitExceeded")],
  ["hands out other bytes", 502, () => new Response("another picture")],
  ["hands out bytes without end", 422, endless],
  ["does not show the account any more", 404, refuse(400, "RepoTakendown")],
  ["has no such blob", 404, refuse(400, "InvalidRequest", "Blob not found")],
];

for (const [what, status, answer] of BAD_BLOBS) {
  Deno.test(`returns ${status} for a PDS that, on a request for the picture, ${what}, and does not query it again for a short time`, () =>
    withWorld(async ({ pds, clock, get }) => {
      const right = pds.getBlob;
      pds.getBlob = answer;
      assert.equal((await get()).status, status);
      const { asked } = pds;
      // A different size each time, so that no request waits for the last one's
      // lease while the clock stands still.
      assert.equal((await get("?w=20")).status, status);
      assert.equal((await get("?w=21&fallback=initials")).status, 200);
      assert.equal(pds.asked, asked);
      pds.getBlob = right;
      clock.advance(DEFAULT_AVATAR_OPTIONS.negativeTtlMs);
      assert.equal((await get("?w=22")).status, 302);
    }, patience(status)));
}

Deno.test("the picture of a deactivated account is not served any more", () =>
  withWorld(async ({ pds, clock, get }) => {
    assert.equal((await get()).status, 302);
    pds.getRecord = refuse(400, "RepoDeactivated");
    pds.describeRepo = refuse(400, "RepoDeactivated");
    clock.advance(DEFAULT_AVATAR_OPTIONS.profileTtlMs);
    assert.equal((await get()).status, 404);
  }));
