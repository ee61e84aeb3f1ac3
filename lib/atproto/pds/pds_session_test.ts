import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { upstreamFailure } from "../../net/fetch_failure.ts";
import type { RepoWrite } from "./pds.ts";
import { PdsPace } from "./pds_pace.ts";
import { type SessionCall, XrpcPdsSession } from "./pds_session.ts";
import { ServiceTokenCache } from "./service_token_cache.ts";
import { XrpcFailure } from "./xrpc.ts";
import { ManualClock } from "../../testing_clock.ts";

const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const pds = "https://pds.example.com";

/** A session whose PDS responds to each method with its entry in `answers`. */
function session(
  answers: Record<string, unknown | ((call: SessionCall) => unknown)>,
) {
  const calls: SessionCall[] = [];
  const clock = new ManualClock();
  const made = new XrpcPdsSession({
    did,
    pds,
    clock,
    pace: new PdsPace(clock),
    serviceTokens: new ServiceTokenCache(),
    send: async (call) => {
      calls.push(call);
      const answer = answers[call.nsid.split(".").at(-1) ?? ""];
      const value = typeof answer === "function" ? await answer(call) : answer;
      if (value instanceof Error) throw value;
      if (value instanceof Response) return value;
      return Response.json(value ?? {});
    },
  });
  return { session: made, calls };
}

const failure = (status: number, name: string, retryAfter?: number) =>
  new XrpcFailure("com.atproto.repo.x", status, name, name, retryAfter);

const create: RepoWrite = {
  action: "create",
  collection: "io.atcr.tag",
  rkey: "app_v1",
  value: { tag: "v1" },
};
const remove: RepoWrite = {
  action: "delete",
  collection: "io.atcr.tag",
  rkey: "app_v2",
};

Deno.test("all writes go into one commit of the account's own repo", async () => {
  const { session: alice, calls } = session({});
  await alice.applyWrites([create, remove]);
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0]?.body, {
    json: {
      repo: did,
      writes: [
        {
          $type: "com.atproto.repo.applyWrites#create",
          collection: "io.atcr.tag",
          rkey: "app_v1",
          value: { tag: "v1" },
        },
        {
          $type: "com.atproto.repo.applyWrites#delete",
          collection: "io.atcr.tag",
          rkey: "app_v2",
        },
      ],
    },
  });
});

Deno.test("no writes make no commit, and too many are refused", async () => {
  const { session: alice, calls } = session({});
  await alice.applyWrites([]);
  await assert.rejects(
    alice.applyWrites(Array.from({ length: 201 }, () => create)),
    RangeError,
  );
  assert.equal(calls.length, 0);
});

Deno.test("a create that finds a record is a conflict, as is a delete that finds none", async () => {
  const found = session({
    applyWrites: failure(500, "InternalServerError"),
    getRecord: {},
  });
  await assert.rejects(found.session.applyWrites([create]), (error) => {
    assert(isAppError(error, "CONFLICT"));
    assert.match(error.message, /io\.atcr\.tag\/app_v1 is already/);
    return true;
  });
  const missing = session({
    applyWrites: failure(500, "InternalServerError"),
    getRecord: failure(400, "RecordNotFound"),
  });
  await assert.rejects(missing.session.applyWrites([remove]), (error) => {
    assert(isAppError(error, "CONFLICT"));
    assert.match(error.message, /app_v2 is not in the repo/);
    return true;
  });
});

Deno.test("conflicts are found behind the errors of other PDSes, too", async () => {
  for (const name of ["RecordAlreadyExists", "RecordExists"]) {
    const found = session({ applyWrites: failure(400, name), getRecord: {} });
    await assert.rejects(
      found.session.applyWrites([create]),
      (error) => isAppError(error, "CONFLICT"),
    );
  }
  const missing = session({
    applyWrites: failure(404, "RecordNotFound"),
    getRecord: failure(404, "RecordNotFound"),
  });
  await assert.rejects(
    missing.session.applyWrites([remove]),
    (error) => isAppError(error, "CONFLICT"),
  );
});

Deno.test("deleting a record that is missing succeeds where the PDS refuses it, too", async () => {
  for (const status of [400, 404]) {
    const { session: alice, calls } = session({
      deleteRecord: failure(status, "RecordNotFound"),
    });
    await alice.deleteRecord("io.atcr.tag", "app_v1");
    assert.equal(calls.length, 1);
  }
});

Deno.test("a failing PDS is not mistaken for a conflict", async () => {
  const fine = session({
    applyWrites: failure(500, "InternalServerError"),
    getRecord: failure(400, "RecordNotFound"),
  });
  await assert.rejects(
    fine.session.applyWrites([create]),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  const dead = session({
    applyWrites: failure(500, "InternalServerError"),
    getRecord: failure(500, "InternalServerError"),
  });
  await assert.rejects(
    dead.session.applyWrites([create]),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
});

Deno.test("a write with a truncated response does not count as done", async () => {
  const broken = () => {
    const error = upstreamFailure("pds.example.com", new Error("reset"));
    return new Response(
      new ReadableStream({ pull: (stream) => stream.error(error) }),
    );
  };
  const { session: alice } = session({
    applyWrites: broken,
    deleteRecord: broken,
  });
  for (
    const write of [
      () => alice.applyWrites([create]),
      () => alice.deleteRecord("io.atcr.tag", "app_v1"),
    ]
  ) {
    await assert.rejects(write(), (error) => isAppError(error, "UNAVAILABLE"));
  }
});

Deno.test("each failure of a write has its own code and names the PDS", async () => {
  const cases = [
    [failure(400, "InvalidSwap"), "CONFLICT"],
    [failure(429, "RateLimitExceeded", 30), "TOOMANYREQUESTS"],
    [failure(502, ""), "UNAVAILABLE"],
    [failure(401, "InvalidToken"), "DENIED"],
    [failure(403, "InsufficientScope"), "DENIED"],
    [failure(400, "InvalidRequest"), "UPSTREAM_FAILED"],
    [upstreamFailure("pds.example.com", new Error("reset")), "UNAVAILABLE"],
  ] as const;
  for (const [answer, code] of cases) {
    const { session: alice } = session({ putRecord: answer });
    await assert.rejects(alice.putRecord("a.b.c", "self", {}), (error) => {
      assert(isAppError(error, code), `${answer.message} gave ${error}`);
      assert.match(error.message, /pds\.example\.com/);
      if (code === "TOOMANYREQUESTS") assert.equal(error.retryAfterSeconds, 30);
      return true;
    });
  }
});

Deno.test("an uploaded blob returns the reference to put into a record", async () => {
  const blob = {
    $type: "blob",
    ref: {
      $link: "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy",
    },
    mimeType: "text/plain",
    size: 3,
  };
  const bytes = new TextEncoder().encode("foo");
  const { session: alice, calls } = session({ uploadBlob: { blob } });
  assert.deepEqual(await alice.uploadBlob(bytes, "text/plain"), blob);
  assert.deepEqual(calls[0]?.body, { bytes, mimeType: "text/plain" });
  await assert.rejects(
    alice.uploadBlob(new Uint8Array(1), "text/plain"),
    /other bytes/,
  );
});

Deno.test("a blob or record that the PDS finds too large says so", async () => {
  const answers = [
    failure(413, ""),
    failure(400, "PayloadTooLarge"),
    new XrpcFailure("a.b.c", 400, "InvalidRequest", "too large", undefined),
  ];
  for (const answer of answers) {
    const { session: alice } = session({
      uploadBlob: answer,
      applyWrites: answer,
    });
    for (
      const write of [
        alice.uploadBlob(new Uint8Array(1), "a/b"),
        alice.applyWrites([create]),
      ]
    ) {
      await assert.rejects(write, (error) => isAppError(error, "TOO_LARGE"));
    }
  }
});
