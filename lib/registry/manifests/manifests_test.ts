import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import { ManualClock } from "../../testing_clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import { ALICE, BOB, HOLD } from "../../hold/testing.ts";
import { silentLogger } from "../../testing_log.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { Manifests, type ManifestsDeps } from "./manifests.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const OWNER: Identity = identityOf(ALICE, { pds: "https://pds.example" });
const DIGEST = digestOf(new TextEncoder().encode("manifest"));
const REFERENCE = { kind: "digest", digest: DIGEST } as const;
const ROW = {
  mediaType: OCI_INDEX,
  size: 8,
  holdDid: HOLD,
  createdAt: 0,
};

interface Fakes {
  /** Why the owner's repo is unreachable. */
  problem?: AppError;
  /** Whether the owner's repo has the record; the index has it initially. */
  hasRecord?: boolean;
  known?: boolean;
  readable?: boolean;
}

function setUp({ problem, hasRecord, known, readable }: Fakes) {
  const asked: string[] = [];
  let isIndexed = known;
  const deps: Partial<Record<keyof ManifestsDeps, unknown>> = {
    clock: new ManualClock(),
    log: silentLogger,
    hidden: {
      requireRead: () =>
        readable
          ? Promise.resolve()
          : Promise.reject(new AppError("DENIED", "No.")),
      requireNoneHidden: () =>
        readable
          ? Promise.resolve()
          : Promise.reject(new AppError("DENIED", "It may be private.")),
    },
    index: {
      manifest: (_ref: unknown, digest: Digest) =>
        Promise.resolve(isIndexed && digest === DIGEST ? ROW : undefined),
      repository: () =>
        Promise.resolve(
          isIndexed ? { holdDid: HOLD, updatedAt: 0 } : undefined,
        ),
    },
    discovery: {
      findManifest: (...[, , digest]: [unknown, unknown, Digest]) => {
        asked.push(digest === DIGEST ? "PDS" : "PDS in vain");
        return problem ? Promise.reject(problem) : Promise.resolve(undefined);
      },
    },
    recordCheck: {
      ended: 0,
      later: () => {},
      now: () => {
        asked.push("now");
        isIndexed = hasRecord;
        return Promise.resolve(true);
      },
    },
  };
  const manifests = new Manifests(deps as unknown as ManifestsDeps);
  const resolve = (confirm = false, caller = BOB) =>
    manifests.resolve(OWNER, "app", REFERENCE, caller, {
      confirm,
      admit: () => Promise.resolve(void asked.push("admit")),
    });
  return { asked, resolve };
}

Deno.test("a manifest that could not be looked up is refused to callers without access like an existing one", async () => {
  for (const code of ["TOOMANYREQUESTS", "UNAVAILABLE"] as const) {
    const problem = new AppError(code, "Not now.");
    const stranger = setUp({ problem });
    await assert.rejects(
      stranger.resolve(),
      (error) => isAppError(error, "DENIED"),
    );
    const reader = setUp({ problem, readable: true });
    await assert.rejects(reader.resolve(), (error) => isAppError(error, code));
  }
});

Deno.test("a known manifest is returned without a query to the owner's repo unless it must be confirmed", async () => {
  const { asked, resolve } = setUp({ known: true, readable: true });
  assert.equal((await resolve()).digest, DIGEST);
  assert.deepEqual(asked, []);
  await assert.rejects(
    resolve(true),
    (error) => isAppError(error, "MANIFEST_UNKNOWN"),
  );
  assert.deepEqual(asked, ["now", "admit", "PDS"]);
  const there = setUp({ known: true, readable: true, hasRecord: true });
  assert.equal((await there.resolve(true)).digest, DIGEST);
});

Deno.test("a refusal asks the owner's PDS as often whether the manifest exists or not, and counts as much", async () => {
  for (const problem of [undefined, new AppError("UNAVAILABLE", "Not now.")]) {
    const missing = setUp({ ...(problem ? { problem } : {}) });
    const known = setUp({ known: true, ...(problem ? { problem } : {}) });
    for (const { resolve } of [missing, known]) {
      await assert.rejects(resolve(), (error) => isAppError(error, "DENIED"));
    }
    assert.deepEqual(missing.asked, ["admit", "PDS"]);
    assert.deepEqual(known.asked, ["admit", "PDS in vain"]);
  }
  // Owners know what they have.
  const own = setUp({ known: true });
  await assert.rejects(own.resolve(false, ALICE));
  assert.deepEqual(own.asked, []);
});
