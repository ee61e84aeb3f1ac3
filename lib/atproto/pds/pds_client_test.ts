import assert from "node:assert/strict";
import { AppError, isAppError } from "../../errors.ts";
import { refusal, upstreamFailure } from "../../net/fetch_failure.ts";
import { PdsClient } from "./pds_client.ts";
import { type FakeAnswers, fakeFetch } from "../../net/testing_fetch.ts";

const pds = "https://pds.example.com";
const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const tags = "io.atcr.tag";
const api = (nsid: string) => `${pds}/xrpc/${nsid}`;
const getRecord = api("com.atproto.repo.getRecord");
const listRecords = api("com.atproto.repo.listRecords");
const getBlob = api("com.atproto.sync.getBlob");

function client(answers: FakeAnswers) {
  const { fetch, asked } = fakeFetch(answers);
  return { client: new PdsClient(fetch), asked };
}

const xrpcError = (error: string, message = "", status = 400) => () =>
  Response.json({ error, message }, { status });

const record = (rkey: string) => ({
  uri: `at://${did}/${tags}/${rkey}`,
  cid: "bafyreibue5ze2s3x3yz7egngr5cvbxgfbhmbidrdxgvuk3yn4rlo4omm2a",
  value: { repository: "app" },
});

Deno.test("a record is read with its URI and CID", async () => {
  const { client: reader, asked } = client({ [getRecord]: record("app_v1") });
  const found = await reader.getRecord(pds, did, tags, "app_v1");
  assert.deepEqual(found, record("app_v1"));
  const params = new URL(asked[0] ?? "").searchParams;
  assert.deepEqual(Object.fromEntries(params), {
    repo: did,
    collection: tags,
    rkey: "app_v1",
  });
});

Deno.test("a missing record is undefined", async () => {
  const { client: reader } = client({
    [getRecord]: xrpcError("RecordNotFound"),
  });
  assert.equal(await reader.getRecord(pds, did, tags, "x"), undefined);
});

Deno.test("a response with another record is refused", async () => {
  const { client: reader } = client({ [getRecord]: record("other") });
  await assert.rejects(
    reader.getRecord(pds, did, tags, "app_v1"),
    (error) => isAppError(error, "UPSTREAM_FAILED"),
  );
});

Deno.test("a page omits records of other repos", async () => {
  const { client: reader } = client({
    [listRecords]: {
      cursor: "next",
      records: [
        record("a"),
        { ...record("b"), uri: `at://did:web:evil.example/${tags}/b` },
        { ...record("c"), value: "text" },
        null,
        record("d"),
      ],
    },
  });
  const page = await reader.listRecords(pds, did, tags, { limit: 5000 });
  assert.deepEqual(page.records.map((r) => r.uri.at(-1)), ["a", "d"]);
  assert.equal(page.cursor, "next");
});

Deno.test("a list that repeats a page does not look whole", async () => {
  const { client: reader } = client({
    [listRecords]: { cursor: "same", records: [record("a")] },
  });
  await assert.rejects(
    reader.listRecords(pds, did, tags, { cursor: "same" }),
    (error) => isAppError(error, "UPSTREAM_FAILED"),
  );
});

Deno.test("an empty page ends the listing, whatever cursor it names", async () => {
  for (const cursor of ["same", "other"]) {
    const { client: reader } = client({
      [listRecords]: { cursor, records: [] },
    });
    const page = await reader.listRecords(pds, did, tags, { cursor: "same" });
    assert.deepEqual(page, { records: [], cursor: undefined });
  }
});

Deno.test("a page with more records than were asked for loses none", async () => {
  const names = Array.from({ length: 250 }, (_, i) => `n${i}`);
  const { client: reader } = client({
    [listRecords]: { cursor: "next", records: names.map((n) => record(n)) },
  });
  const page = await reader.listRecords(pds, did, tags);
  assert.equal(page.records.length, names.length);
  assert.equal(page.cursor, "next");
});

Deno.test("a cursor that is null or empty ends the listing", async () => {
  for (const cursor of [null, ""]) {
    const { client: reader } = client({
      [listRecords]: { cursor, records: [{ ...record("a"), cid: null }] },
    });
    const page = await reader.listRecords(pds, did, tags);
    assert.equal(page.records.length, 1);
    assert.equal(page.cursor, undefined);
  }
});

Deno.test("records that are too large together are listed in smaller pages", async () => {
  const { client: reader, asked } = client({
    [listRecords]: ({ url }: Request) => {
      if (Number(new URL(url).searchParams.get("limit")) > 1) {
        throw new AppError("TOO_LARGE", "The response is too large.");
      }
      return Response.json({ records: [record("a")], cursor: "a" });
    },
  });
  const page = await reader.listRecords(pds, did, tags, { cursor: "b" });
  assert.equal(page.cursor, "a");
  const limits = asked.map((url) => new URL(url).searchParams.get("limit"));
  assert.deepEqual(limits, ["100", "10", "1"]);
});

Deno.test("collections are listed, invalid names omitted", async () => {
  const { client: reader } = client({
    [api("com.atproto.repo.describeRepo")]: { collections: [tags, "../x"] },
  });
  assert.deepEqual(await reader.listCollections(pds, did), [tags]);
});

const fooCid = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy";

Deno.test("a blob is returned with its type when its bytes match the CID", async () => {
  const { client: reader } = client({
    [getBlob]: () =>
      new Response("foo", { headers: { "content-type": "text/plain" } }),
  });
  const blob = await reader.getBlob(pds, did, fooCid, { maxBytes: 100 });
  assert.equal(new TextDecoder().decode(blob?.bytes), "foo");
  assert.equal(blob?.mimeType, "text/plain");
});

Deno.test("a blob with other bytes is refused", async () => {
  const { client: reader } = client({ [getBlob]: () => new Response("bar") });
  await assert.rejects(
    reader.getBlob(pds, did, fooCid, { maxBytes: 100 }),
    /other bytes/,
  );
});

Deno.test("a blob larger than the limit is refused", async () => {
  const { client: reader } = client({ [getBlob]: () => new Response("foo") });
  await assert.rejects(
    reader.getBlob(pds, did, fooCid, { maxBytes: 2 }),
    (error) => isAppError(error, "TOO_LARGE"),
  );
});

Deno.test("a CID that is not one of a blob is refused without a request", async () => {
  const { client: reader, asked } = client({});
  for (
    const cid of [
      "not-a-cid",
      "",
      "bafyreibue5ze2s3x3yz7egngr5cvbxgfbhmbidrdxgvuk3yn4rlo4omm2a",
    ]
  ) {
    await assert.rejects(
      reader.getBlob(pds, did, cid, { maxBytes: 100 }),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }
  assert.equal(asked.length, 0);
});

Deno.test("a missing blob is undefined for every form of the PDS's error", async () => {
  for (
    const answer of [
      xrpcError("BlobNotFound"),
      xrpcError("InvalidRequest", "Blob not found"),
      () => new Response("", { status: 404 }),
    ]
  ) {
    const { client: reader } = client({ [getBlob]: answer });
    assert.equal(
      await reader.getBlob(pds, did, fooCid, { maxBytes: 100 }),
      undefined,
    );
  }
});

Deno.test("a broken connection is retried once", async () => {
  const broken = upstreamFailure("pds.example.com", new Error("reset"));
  let tries = 0;
  const { client: reader } = client({
    [getRecord]: () => {
      if (tries++ === 0) throw broken;
      return Response.json(record("a"));
    },
  });
  assert.ok(await reader.getRecord(pds, did, tags, "a"));
  const { client: never, asked } = client({ [getRecord]: broken });
  await assert.rejects(never.getRecord(pds, did, tags, "a"), (error) => {
    assert(isAppError(error, "UNAVAILABLE"));
    assert.match(error.message, /pds\.example\.com/);
    return true;
  });
  assert.equal(asked.length, 2);
});

Deno.test("a refused address is not retried", async () => {
  const refused = refusal(new URL(pds), "has no public address");
  const { client: reader, asked } = client({ [getRecord]: refused });
  await assert.rejects(
    reader.getRecord(pds, did, tags, "a"),
    (error) => error === refused,
  );
  assert.equal(asked.length, 1);
});

Deno.test("errors of the PDS name the PDS", async () => {
  const limited = () =>
    Response.json({ error: "RateLimitExceeded" }, {
      status: 429,
      headers: {
        date: "Sat, 21 Nov 2026 12:00:00 GMT",
        "ratelimit-reset": String(Date.UTC(2026, 10, 21, 12, 1) / 1000),
      },
    });
  const cases = [
    [limited, "TOOMANYREQUESTS"],
    [xrpcError("InternalServerError", "", 500), "UNAVAILABLE"],
    [() => new Response("<html>", { status: 502 }), "UNAVAILABLE"],
    [xrpcError("InvalidRequest", "bad rkey"), "UPSTREAM_FAILED"],
    [() => new Response("not json"), "UPSTREAM_FAILED"],
    [() => Response.json({ records: "none" }), "UPSTREAM_FAILED"],
  ] as const;
  for (const [answer, code] of cases) {
    const { client: reader } = client({ [listRecords]: answer });
    await assert.rejects(reader.listRecords(pds, did, tags), (error) => {
      assert(isAppError(error, code), `${code}: ${error}`);
      assert.match(error.message, /pds\.example\.com/);
      if (code === "TOOMANYREQUESTS") assert.equal(error.retryAfterSeconds, 60);
      return true;
    });
  }
});

Deno.test("a PDS gets at most eight concurrent requests", async () => {
  let open = 0;
  let most = 0;
  const crowded = Promise.withResolvers<void>();
  const { client: reader } = client({
    [getRecord]: async () => {
      most = Math.max(most, ++open);
      if (most === 8) crowded.resolve();
      await crowded.promise;
      await new Promise((resolve) => setTimeout(resolve, 1));
      open--;
      return Response.json(record("a"));
    },
  });
  await Promise.all(
    Array.from({ length: 40 }, () => reader.getRecord(pds, did, tags, "a")),
  );
  assert.equal(most, 8);
});
