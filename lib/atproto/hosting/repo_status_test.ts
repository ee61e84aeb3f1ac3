import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { ManualClock } from "../../testing_clock.ts";
import { PdsSilence } from "../pds/pds_pace.ts";
import { error } from "../pds/testing_pds.ts";
import { RepoStatusReader } from "./repo_status.ts";

const PDS = "https://pds.example.com";
const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

/** A reader over a PDS with the given responses by method. */
function readerOf(answers: Record<string, () => Response>) {
  const asked: string[] = [];
  const fetch: GuardedFetch = Object.assign(
    (input: string | URL | Request) => {
      const { pathname, searchParams } = new URL(new Request(input).url);
      assert.equal(searchParams.get("did"), ALICE);
      const method = pathname.slice("/xrpc/com.atproto.sync.".length);
      asked.push(method);
      const answer = answers[method];
      return Promise.resolve(
        answer ? answer() : error(501, "MethodNotImplemented"),
      );
    },
    { close() {} },
  );
  return { reader: new RepoStatusReader(fetch), asked };
}

const saying = (active: boolean, status?: string) => () =>
  Response.json({ did: ALICE, active, ...(status ? { status } : {}) });

Deno.test("getRepoStatus returns whether an account is active, and why not", async () => {
  const cases = [
    [saying(true), "active"],
    [saying(false, "deactivated"), "deactivated"],
    [saying(false, "suspended"), "suspended"],
    [saying(false, "takendown"), "takendown"],
    [saying(false, "deleted"), "deleted"],
    [saying(false), "inactive"],
    [saying(false, "something new"), "inactive"],
    [saying(true, "throttled"), "active"],
    [saying(false, "throttled"), "active"],
    [saying(false, "desynchronized"), "active"],
    [() => error(400, "RepoNotFound"), "deleted"],
    [() => error(404, "RepoNotFound"), "deleted"],
    [() => error(400, "RepoTakendown"), "takendown"],
    [() => error(400, "RepoSuspended"), "suspended"],
    [() => error(400, "RepoDeactivated"), "deactivated"],
  ] as const;
  for (const [getRepoStatus, expected] of cases) {
    const { reader } = readerOf({ getRepoStatus });
    assert.equal(await reader.read(PDS, ALICE), expected);
  }
});

Deno.test("getLatestCommit is used for a PDS without getRepoStatus", async () => {
  const { reader, asked } = readerOf({
    getLatestCommit: () => Response.json({ cid: "bafy", rev: "1" }),
  });
  assert.equal(await reader.read(PDS, ALICE), "active");
  assert.deepEqual(asked, ["getRepoStatus", "getLatestCommit"]);
  const gone = readerOf({
    getRepoStatus: () => new Response("not here", { status: 404 }),
    getLatestCommit: () => error(400, "RepoDeactivated"),
  });
  assert.equal(await gone.reader.read(PDS, ALICE), "deactivated");
});

Deno.test("a failing PDS does not determine the status", async () => {
  const troubles = [
    () => error(500, "InternalServerError"),
    () => error(502, "RepoNotFound"),
    () => error(429, "RateLimitExceeded"),
    () => error(400, "InvalidRequest"),
    () => new Response("<html>", { status: 403 }),
    () => new Response("<html>"),
    () => Response.json({ did: ALICE }),
  ];
  for (const getRepoStatus of troubles) {
    const { reader } = readerOf({ getRepoStatus });
    await assert.rejects(
      reader.read(PDS, ALICE),
      (failure) => isAppError(failure),
    );
  }
  const { reader } = readerOf({});
  await assert.rejects(reader.read(PDS, ALICE), (e) => isAppError(e));
});

Deno.test("a PDS that hangs is not waited for", async () => {
  const clock = new ManualClock();
  const silence = new PdsSilence(clock);
  let asked = 0;
  const fetch: GuardedFetch = Object.assign(
    () => {
      asked++;
      return new Promise<Response>(() => {});
    },
    { close() {} },
  );
  const reader = new RepoStatusReader(fetch, silence);
  // Another call finds out.
  silence.run("pds.example.com", () => new Promise(() => {})).catch(() => {});
  clock.advance(5_000);
  const probe = reader.read(PDS, ALICE);
  probe.catch(() => {});
  await assert.rejects(
    reader.read(PDS, ALICE),
    (e) => isAppError(e, "UNAVAILABLE") && /does not respond/.test(e.message),
  );
  assert.equal(asked, 1, "one finds out whether it responds again");
  clock.advance(2_000);
  await assert.rejects(probe, (e) => isAppError(e, "UNAVAILABLE"));
});
