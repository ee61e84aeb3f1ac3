/** Pushing blobs (distribution-spec, "Pushing Blobs"; end-4, 5, 6, 11, 13, 14). */

import assert from "node:assert/strict";
import { digestOf, randomBlob, textBlob } from "../support/oci.ts";
import {
  expect,
  expectError,
  header,
  Repository,
} from "../support/registry.ts";
import { tokenFor } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";

const server = sharedServer();
const alices = (name = "uploads") =>
  new Repository(server(), server().alice, `alice.test/${name}`);

/** The bytes as a stream of small pieces, which goes out in chunked encoding. */
function pieces(bytes: Uint8Array, size = 1_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += size));
    },
  });
}

async function assertStored(
  repository: Repository,
  blob: { bytes: Uint8Array; digest: string },
): Promise<void> {
  const head = expect(
    await repository.send("HEAD", `blobs/${blob.digest}`),
    200,
  );
  assert.equal(header(head, "content-length"), String(blob.bytes.length));
  assert.equal(header(head, "docker-content-digest"), blob.digest);
  const get = expect(await repository.send("GET", `blobs/${blob.digest}`), 200);
  assert.equal(digestOf(get.bytes), digestOf(blob.bytes));
}

Deno.test("a POST opens an upload and a PUT sends the whole blob", async () => {
  const repository = alices();
  const blob = randomBlob(5_000);
  const opened = expect(await repository.send("POST", "blobs/uploads/"), 202);
  assert.equal(header(opened, "range"), "0-0");
  assert.match(header(opened, "docker-upload-uuid"), /^[A-Za-z0-9_-]+$/);
  const location = header(opened, "location");
  assert.match(location, /^\/v2\/alice\.test\/uploads\/blobs\/uploads\//);
  const put = await repository.finishUpload(location, blob.digest, {
    body: blob.bytes,
    headers: { "content-type": "application/octet-stream" },
  });
  expect(put, 201);
  assert.equal(
    header(put, "location"),
    `/v2/alice.test/uploads/blobs/${blob.digest}`,
  );
  assert.equal(header(put, "docker-content-digest"), blob.digest);
  await assertStored(repository, blob);
});

Deno.test("one POST with a digest sends the whole blob", async () => {
  const repository = alices();
  const blob = randomBlob(70_000);
  const posted = await repository.send(
    "POST",
    `blobs/uploads/?digest=${blob.digest}`,
    { body: blob.bytes },
  );
  expect(posted, 201);
  assert.equal(
    header(posted, "location"),
    `/v2/alice.test/uploads/blobs/${blob.digest}`,
  );
  await assertStored(repository, blob);
});

Deno.test("one PATCH streams a blob of unknown length", async () => {
  const repository = alices();
  const blob = randomBlob(300_000);
  const location = await repository.startUpload();
  const patched = await repository.send("PATCH", location, {
    body: pieces(blob.bytes),
  });
  expect(patched, 202);
  assert.equal(header(patched, "range"), "0-299999");
  expect(await repository.finishUpload(location, blob.digest), 201);
  await assertStored(repository, blob);
});

Deno.test("chunks are appended in order and the last one may be in the PUT", async () => {
  const repository = alices();
  const blob = randomBlob(2_500);
  let location = await repository.startUpload();
  for (const [start, end] of [[0, 999], [1_000, 1_999]] as const) {
    const patched = await repository.send("PATCH", location, {
      headers: { "content-range": `${start}-${end}` },
      body: blob.bytes.slice(start, end + 1),
    });
    expect(patched, 202);
    assert.equal(header(patched, "range"), `0-${end}`);
    location = header(patched, "location");
  }
  const put = await repository.finishUpload(location, blob.digest, {
    headers: { "content-range": "2000-2499" },
    body: blob.bytes.slice(2_000),
  });
  expect(put, 201);
  await assertStored(repository, blob);
});

Deno.test("returns 416 for a chunk out of order, and the status has the offset", async () => {
  const repository = alices();
  const blob = randomBlob(2_000);
  const location = await repository.startUpload();
  const chunk = (start: number, end: number) => ({
    headers: { "content-range": `${start}-${end}` },
    body: blob.bytes.slice(start, end + 1),
  });
  expect(await repository.send("PATCH", location, chunk(0, 999)), 202);
  const early = await repository.send("PATCH", location, chunk(1_500, 1_999));
  expectError(early, 416, "BLOB_UPLOAD_INVALID");
  const again = await repository.send("PATCH", location, chunk(0, 999));
  expectError(again, 416, "BLOB_UPLOAD_INVALID");

  const status = expect(await repository.send("GET", location), 204);
  assert.equal(header(status, "range"), "0-999");
  const closing = await repository.finishUpload(location, blob.digest, {
    ...chunk(1_500, 1_999),
  });
  expectError(closing, 416, "BLOB_UPLOAD_INVALID");
  // Clients send the query of the refused PUT.
  const left = await repository.send(
    "GET",
    `${location}?digest=${blob.digest}`,
  );
  assert.equal(header(expect(left, 204), "range"), "0-999");
  const rest = await repository.finishUpload(
    location,
    blob.digest,
    chunk(1_000, 1_999),
  );
  expect(rest, 201);
  await assertStored(repository, blob);
});

Deno.test("a chunk whose length differs from its range is refused", async () => {
  const repository = alices();
  const location = await repository.startUpload();
  const patched = await repository.send("PATCH", location, {
    headers: { "content-range": "0-999" },
    body: new Uint8Array(500),
  });
  expectError(patched, 400, "SIZE_INVALID");
  const status = expect(await repository.send("GET", location), 204);
  assert.equal(header(status, "range"), "0-0");
});

Deno.test("a cancelled upload is gone", async () => {
  const repository = alices();
  const location = await repository.startUpload();
  expect(
    await repository.send("PATCH", location, { body: new Uint8Array(100) }),
    202,
  );
  expect(await repository.send("DELETE", location), 204);
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const answer = await repository.send(method, location);
    expectError(answer, 404, "BLOB_UPLOAD_UNKNOWN");
  }
});

Deno.test("the empty blob can be pushed in every way", async () => {
  const empty = textBlob("");
  const byPut = alices("empty/put");
  const location = await byPut.startUpload();
  expect(await byPut.finishUpload(location, empty.digest), 201);
  await assertStored(byPut, empty);
  const byPost = alices("empty/post");
  const query = `blobs/uploads/?digest=${empty.digest}`;
  expect(await byPost.send("POST", query), 201);
  await assertStored(byPost, empty);
});

Deno.test("a sha512 blob is accepted with and without announcement", async () => {
  const repository = alices();
  for (const query of ["?digest-algorithm=sha512", ""]) {
    const blob = randomBlob(4_000, "sha512");
    const location = await repository.startUpload(query);
    expect(
      await repository.send("PATCH", location, { body: blob.bytes }),
      202,
    );
    expect(await repository.finishUpload(location, blob.digest), 201);
    await assertStored(repository, blob);
  }
  const blob = randomBlob(4_000, "sha512");
  const posted = await repository.send(
    "POST",
    `blobs/uploads/?digest=${blob.digest}`,
    { body: blob.bytes },
  );
  expect(posted, 201);
  await assertStored(repository, blob);
});

Deno.test("a blob is mounted from another repository of the same owner", async () => {
  const [source, target] = [alices("mount/from"), alices("mount/to")];
  const blob = randomBlob(1_000);
  await source.pushBlob(blob);
  const before = await target.send("GET", `blobs/${blob.digest}`);
  expectError(before, 404, "BLOB_UNKNOWN");
  const mounted = await target.send(
    "POST",
    `blobs/uploads/?mount=${blob.digest}&from=alice.test/mount/from`,
  );
  expect(mounted, 201);
  assert.equal(
    header(mounted, "location"),
    `/v2/alice.test/mount/to/blobs/${blob.digest}`,
  );
  await assertStored(target, blob);
});

Deno.test("a blob is mounted from another account's public repository", async () => {
  const bobs = new Repository(server(), server().bob, "bob.test/shared");
  const blob = randomBlob(1_000);
  await bobs.pushBlob(blob);
  const target = alices("mount/foreign");
  const token = await tokenFor(
    server(),
    server().alice,
    "repository:alice.test/mount/foreign:pull,push",
    "repository:bob.test/shared:pull",
  );
  const mounted = await target.send(
    "POST",
    `blobs/uploads/?mount=${blob.digest}&from=bob.test/shared`,
    { token },
  );
  expect(mounted, 201);
  await assertStored(target, blob);
});

Deno.test("a blob is mounted without naming its source", async () => {
  const blob = randomBlob(1_000);
  await alices("mount/anywhere").pushBlob(blob);
  const target = alices("mount/anonymous");
  const query = `blobs/uploads/?mount=${blob.digest}`;
  expect(await target.send("POST", query), 201);
  await assertStored(target, blob);
});

Deno.test("an impossible mount opens an upload instead", async () => {
  const target = alices("mount/failed");
  const there = randomBlob(1_000);
  await alices("mount/elsewhere").pushBlob(there);
  const { digest } = randomBlob(1_000);
  const sources = [
    `mount=${digest}`,
    `mount=${digest}&from=alice.test/mount/elsewhere`,
    `mount=${digest}&from=alice.test/no/such/repository`,
    `mount=${digest}&from=nobody.test/app`,
    `mount=${there.digest}&from=bob.test/never`,
    `mount=${there.digest}&from=NOT%20A%20NAME`,
    `mount=sha256:nonsense&from=alice.test/mount/elsewhere`,
  ];
  for (const source of sources) {
    const answer = await target.send("POST", `blobs/uploads/?${source}`);
    expect(answer, 202);
    const location = header(answer, "location");
    const blob = randomBlob(500);
    const put = await target.finishUpload(location, blob.digest, {
      body: blob.bytes,
    });
    expect(put, 201);
  }
});

Deno.test("a retry is not refused for good while an earlier request of its client stands still", async () => {
  const repository = alices("retry");
  const location = await repository.startUpload();
  const { promise: never } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1_000)),
    pull: () => never,
  });
  const first = fetch(new URL(location, server().origin), {
    method: "PATCH",
    headers: { authorization: `Bearer ${await repository.token()}` },
    body,
    signal: stop.signal,
  }).then((answer) => answer.body?.cancel(), () => undefined);
  const blob = randomBlob(1_000);
  const statuses = new Set<number>();
  await until(async () => {
    const answer = await repository.send("PATCH", location, {
      body: blob.bytes,
    });
    statuses.add(answer.status);
    if (answer.status === 503) assert.ok(header(answer, "retry-after"));
    return answer.status === 202;
  });
  statuses.delete(503);
  assert.deepEqual([...statuses], [202]);
  stop.abort();
  await first;
});
