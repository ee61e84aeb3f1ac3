/** Pulling blobs and manifests (distribution-spec, "Pulling"; end-2, 3). */

import assert from "node:assert/strict";
import { Wire } from "../bench/wire.ts";
import { digestOf, randomBlob, textBlob, TYPES } from "../support/oci.ts";
import {
  expect,
  expectError,
  header,
  Repository,
  textOf,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const alices = () =>
  new Repository(server(), server().alice, "alice.test/pulls");
const anybodys = () => new Repository(server(), undefined, "alice.test/pulls");

Deno.test("returns 206 with Content-Range for a part of a blob", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  const parts = [
    ["bytes=500-1499", 500, 1_499],
    ["bytes=500-", 500, 2_999],
    ["bytes=-500", 2_500, 2_999],
    ["bytes=-5000", 0, 2_999],
    ["bytes=2000-5000", 2_000, 2_999],
    ["bytes=0-0", 0, 0],
    ["bytes=2999-2999", 2_999, 2_999],
  ] as const;
  for (const [range, start, end] of parts) {
    const answer = await repository.send("GET", `blobs/${blob.digest}`, {
      headers: { range },
    });
    expect(answer, 206);
    assert.equal(
      header(answer, "content-range"),
      `bytes ${start}-${end}/3000`,
    );
    assert.equal(header(answer, "content-length"), String(end - start + 1));
    assert.equal(header(answer, "docker-content-digest"), blob.digest);
    assert.deepEqual(answer.bytes, blob.bytes.slice(start, end + 1), range);
  }
});

Deno.test("several ranges of a blob come in one response", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  const answer = await repository.send("GET", `blobs/${blob.digest}`, {
    headers: { range: "bytes=2900-, 0-99,5000-6000,1000-1000" },
  });
  expect(answer, 206);
  const type = header(answer, "content-type") ?? "";
  const [, boundary] = /^multipart\/byteranges; boundary=(.+)$/.exec(type) ??
    [];
  assert.ok(boundary);
  assert.equal(header(answer, "content-length"), String(answer.bytes.length));
  const latin = new TextDecoder("latin1");
  const text = latin.decode(answer.bytes);
  const parts = text.split(`--${boundary}`).slice(1);
  assert.equal(parts.pop(), "--\r\n");
  const wanted = [[2_900, 2_999], [0, 99], [1_000, 1_000]] as const;
  assert.equal(parts.length, wanted.length);
  for (const [i, [start, end]] of wanted.entries()) {
    const [head, body] = parts[i]?.split(/\r\n\r\n(.*)/s) ?? [];
    assert.match(head ?? "", new RegExp(`bytes ${start}-${end}/3000`));
    const bytes = blob.bytes.slice(start, end + 1);
    assert.equal(body, `${latin.decode(bytes)}\r\n`);
  }
});

Deno.test("returns 416 with the size for a range outside of the blob", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  for (
    const range of [
      "bytes=500-0",
      "bytes=3000-",
      "bytes=5000-9000",
      "bytes=-0",
      "bytes=3000-,4000-",
    ]
  ) {
    const answer = await repository.send("GET", `blobs/${blob.digest}`, {
      headers: { range },
    });
    expectError(answer, 416, "BLOB_UPLOAD_INVALID");
    assert.equal(header(answer, "content-range"), "bytes */3000", range);
  }
});

Deno.test("a malformed range returns the whole blob", async () => {
  const repository = alices();
  const blob = randomBlob(300);
  await repository.pushBlob(blob);
  const ranges = [
    "bytes=",
    "bytes=a-b",
    "lines=1-2",
    "bytes=0-1,a-b",
    "bytes=0-299,0-299",
  ];
  for (const range of ranges) {
    const answer = await repository.send("GET", `blobs/${blob.digest}`, {
      headers: { range },
    });
    assert.deepEqual(expect(answer, 200).bytes, blob.bytes, range);
  }
});

Deno.test("no range is sent of content other than the client started with", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  const path = `blobs/${blob.digest}`;
  const begun = [
    [`"${blob.digest}"`, 206],
    [`"${digestOf(new Uint8Array(1))}"`, 200],
    ["Sat, 21 Nov 2026 12:00:00 GMT", 200],
  ] as const;
  for (const [known, status] of begun) {
    const answer = await repository.send("GET", path, {
      headers: { range: "bytes=0-9", "if-range": known },
    });
    const length = status === 206 ? 10 : 3_000;
    assert.equal(expect(answer, status).bytes.length, length);
  }
});

Deno.test("HEAD of a blob returns the headers of GET, without its bytes", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  const get = expect(await repository.send("GET", `blobs/${blob.digest}`), 200);
  const head = expect(
    await repository.send("HEAD", `blobs/${blob.digest}`),
    200,
  );
  assert.equal(head.bytes.length, 0);
  const names = [
    "accept-ranges",
    "cache-control",
    "content-length",
    "content-type",
    "docker-content-digest",
    "etag",
  ];
  for (const name of names) assert.equal(header(head, name), header(get, name));
  assert.equal(header(get, "content-type"), "application/octet-stream");
});

Deno.test("HEAD of missing content has the status of GET and no body", async () => {
  const repository = alices();
  const { digest } = randomBlob(10);
  for (
    const path of [`blobs/${digest}`, `manifests/${digest}`, "manifests/x"]
  ) {
    const head = expect(await repository.send("HEAD", path), 404);
    assert.equal(head.bytes.length, 0);
    assert.equal((await repository.send("GET", path)).status, 404);
  }
});

Deno.test("returns 304 to a client that has the content", async () => {
  const repository = alices();
  const blob = randomBlob(3_000);
  await repository.pushBlob(blob);
  const image = await repository.pushImage("etag");
  const paths = [
    [`blobs/${blob.digest}`, blob.digest],
    [`manifests/${image.digest}`, image.digest],
    ["manifests/etag", image.digest],
  ] as const;
  for (const [path, digest] of paths) {
    const whole = await repository.send("GET", path);
    const [etag, type] = [header(whole, "etag"), header(whole, "content-type")];
    assert.equal(etag, `"${digest}"`);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      for (const method of ["GET", "HEAD"]) {
        const answer = await repository.send(method, path, {
          headers: { "if-none-match": known },
        });
        expect(answer, 304);
        assert.equal(answer.bytes.length, 0);
        assert.equal(header(answer, "etag"), etag);
        // Caches use the headers of a 304.
        assert.equal(header(answer, "content-type"), type);
      }
    }
    const other = await repository.send("GET", path, {
      headers: { "if-none-match": `"${digestOf(new Uint8Array(1))}"` },
    });
    expect(other, 200);
  }
  const { digest } = randomBlob(10);
  const absent = await repository.send("GET", `blobs/${digest}`, {
    headers: { "if-none-match": "*" },
  });
  expectError(absent, 404, "BLOB_UNKNOWN");
});

Deno.test("only content requested by digest may be cached for long", async () => {
  const repository = alices();
  const image = await repository.pushImage("cached");
  const cache = async (reader: Repository, path: string) =>
    header(expect(await reader.send("GET", path), 200), "cache-control");
  const byDigest = `manifests/${image.digest}`;
  assert.match(await cache(repository, byDigest), /private.*immutable/);
  assert.match(await cache(anybodys(), byDigest), /public.*immutable/);
  assert.equal(await cache(repository, "manifests/cached"), "no-cache");
});

Deno.test("a manifest is returned byte for byte with its own type, for any Accept header", async () => {
  const repository = alices();
  const image = await repository.pushImage("exact");
  for (const accept of [TYPES.index, TYPES.manifest, "text/html", "*/*"]) {
    for (const reference of ["exact", image.digest]) {
      const path = `manifests/${reference}`;
      const headers = { accept };
      const get = expect(await repository.send("GET", path, { headers }), 200);
      assert.deepEqual(get.bytes, image.bytes);
      assert.equal(header(get, "content-type"), TYPES.manifest);
      assert.equal(header(get, "docker-content-digest"), image.digest);
      const head = await repository.send("HEAD", path, { headers });
      expect(head, 200);
      assert.equal(header(head, "content-type"), TYPES.manifest);
      assert.equal(header(head, "docker-content-digest"), image.digest);
      assert.equal(
        header(head, "content-length"),
        String(image.bytes.length),
      );
    }
  }
});

Deno.test("a public hold is read without login", async () => {
  const repository = alices();
  const blob = textBlob("for everybody");
  await repository.pushBlob(blob);
  const image = await repository.pushImage("open");
  for (const token of [undefined, await anybodys().token()]) {
    const get = await anybodys().send("GET", `blobs/${blob.digest}`, { token });
    assert.equal(textOf(expect(get, 200)), "for everybody");
    const manifest = await anybodys().send("GET", "manifests/open", { token });
    assert.deepEqual(expect(manifest, 200).bytes, image.bytes);
    expect(await anybodys().send("GET", "tags/list", { token }), 200);
  }
});

Deno.test("an unexpected body does not block the next request", async () => {
  const wire = new Wire(server().host);
  const upload = "/v2/alice.test/pulls/blobs/uploads/";
  const headers = `authorization: Bearer ${await alices().token()}\r\n`;
  const body = [new Uint8Array(3_000_000)];
  try {
    for (const chunked of [false, true]) {
      const calls = [
        ["GET", "/v2/", 200],
        ["HEAD", "/v2/", 200],
        ["DELETE", "/v2/", 405],
        ["POST", upload, 202],
        ["DELETE", `${upload}none`, 404],
      ] as const;
      for (const [method, path, status] of calls) {
        const answer = await wire.call({
          method,
          path,
          headers,
          body,
          chunked,
        });
        assert.equal(answer.status, status, `${method} ${path}`);
      }
    }
  } finally {
    wire.close();
  }
});

Deno.test("returns 405 with the allowed methods for a wrong method", async () => {
  const repository = alices();
  const allowed = [
    ["POST", "tags/list", "GET, HEAD"],
    ["PUT", "blobs/uploads/", "POST"],
    ["POST", "manifests/latest", "GET, HEAD, PUT, DELETE"],
    ["PUT", `${server().origin}/auth/token`, "GET, POST"],
  ] as const;
  for (const [method, path, methods] of allowed) {
    const answer = await repository.send(method, path);
    expectError(answer, 405, "UNSUPPORTED");
    assert.equal(header(answer, "allow"), methods);
  }
});

Deno.test("the base endpoint identifies the registry and challenges anonymous clients", async () => {
  const { origin } = server();
  for (const path of ["/v2/", "/v2"]) {
    const stranger = await anybodys().send("GET", `${origin}${path}`, {
      token: undefined,
    });
    expectError(stranger, 401, "UNAUTHORIZED");
    assert.match(
      header(stranger, "www-authenticate"),
      new RegExp(`^Bearer realm="${origin}/auth/token",service="[^"]+"$`),
    );
    const known = expect(await alices().send("GET", `${origin}${path}`), 200);
    assert.equal(
      header(known, "docker-distribution-api-version"),
      "registry/2.0",
    );
    expect(await alices().send("HEAD", `${origin}${path}`), 200);
  }
});

Deno.test("an unknown repository has no content", async () => {
  const nothing = new Repository(server(), undefined, "alice.test/never/was");
  const { digest } = randomBlob(10);
  expectError(
    await nothing.send("GET", "manifests/latest"),
    404,
    "MANIFEST_UNKNOWN",
  );
  expectError(
    await nothing.send("GET", `manifests/${digest}`),
    404,
    "MANIFEST_UNKNOWN",
  );
  expectError(
    await nothing.send("GET", `blobs/${digest}`),
    404,
    "BLOB_UNKNOWN",
  );
  expectError(await nothing.send("GET", "tags/list"), 404, "NAME_UNKNOWN");
  assert.deepEqual(await nothing.referrers(digest), []);
});
