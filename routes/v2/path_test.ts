import assert from "node:assert/strict";
import fc from "fast-check";
import { type ErrorCode, isAppError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { MAX_TAGS } from "../../lib/oci/manifest.ts";
import { formatImageName, parseImageName } from "../../lib/oci/name.ts";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { parseV2Path } from "./path.ts";

/** Of a did:plc. */
const ID = "ewvi7nxzyoun6zhxrhs64oiz";
const D = digestOf(new Uint8Array());
const D512 = digestOf(new Uint8Array(), "sha512");
const NAME = parseImageName("alice.test/app");
const ALL = { n: undefined, last: undefined };

function parse(line: string) {
  const [method = "", target = ""] = line.split(" ");
  const url = new URL(target, "http://localhost");
  return parseV2Path(method, url.pathname, url.searchParams);
}

function refuses(line: string, code: ErrorCode) {
  assert.throws(() => parse(line), (error) => isAppError(error, code), line);
}

Deno.test("each endpoint is recognised by its path", () => {
  const cases: [string, unknown][] = [
    ["GET /v2/", { kind: "base", method: "GET" }],
    ["HEAD /v2", { kind: "base", method: "HEAD" }],
    ["GET /v2/_catalog?n=5&last=a/b", {
      kind: "catalog",
      method: "GET",
      page: { n: 5, last: "a/b" },
    }],
    ["GET /v2/_oci/ext/discover", {
      kind: "discover",
      method: "GET",
      name: undefined,
    }],
    ["GET /v2/alice.test/app/_oci/ext/discover", {
      kind: "discover",
      method: "GET",
      name: NAME,
    }],
    ["GET /v2/alice.test/app/tags/list?n=0", {
      kind: "tags",
      method: "GET",
      name: NAME,
      page: { n: 0, last: undefined },
    }],
    ["HEAD /v2/alice.test/app/manifests/latest", {
      kind: "manifest",
      method: "HEAD",
      name: NAME,
      reference: { kind: "tag", tag: "latest" },
      tags: [],
    }],
    [`PUT /v2/alice.test/app/manifests/${D}?tag=1&tag=1.2&tag=1`, {
      kind: "manifest",
      method: "PUT",
      name: NAME,
      reference: { kind: "digest", digest: D },
      tags: ["1", "1.2"],
    }],
    [`GET /v2/alice.test/app/blobs/${D512}`, {
      kind: "blob",
      method: "GET",
      name: NAME,
      digest: D512,
    }],
    [`GET /v2/alice.test/app/blobs/${encodeURIComponent(D)}`, {
      kind: "blob",
      method: "GET",
      name: NAME,
      digest: D,
    }],
    [
      `GET /v2/alice.test/app/referrers/${D}?artifactType=a/b%2Bz&artifactType=c/d+json`,
      {
        kind: "referrers",
        method: "GET",
        name: NAME,
        digest: D,
        artifactTypes: ["a/b+z", "c/d+json"],
        page: ALL,
      },
    ],
    ["PATCH /v2/alice.test/app/blobs/uploads/a-B_3", {
      kind: "upload",
      method: "PATCH",
      name: NAME,
      id: "a-B_3",
    }],
    [`PUT /v2/alice.test/app/blobs/uploads/x?digest=${D}`, {
      kind: "upload",
      method: "PUT",
      name: NAME,
      id: "x",
      digest: D,
    }],
    ["GET /v2/alice.test/app/blobs/uploads/x?digest=broken", {
      kind: "upload",
      method: "GET",
      name: NAME,
      id: "x",
    }],
  ];
  for (const [line, endpoint] of cases) {
    assert.deepEqual(parse(line), endpoint, line);
  }
});

Deno.test("an upload starts plain, whole, with an algorithm or as a mount", () => {
  const start = {
    kind: "upload_start",
    method: "POST",
    name: NAME,
    digest: undefined,
    algorithm: "sha256",
    mount: undefined,
  };
  const cases: [string, unknown][] = [
    ["", start],
    [`?digest=${D}`, { ...start, digest: D }],
    [`?digest=${D512}`, { ...start, digest: D512, algorithm: "sha512" }],
    ["?digest-algorithm=sha512", { ...start, algorithm: "sha512" }],
    [`?mount=${D}`, { ...start, mount: { digest: D, from: undefined } }],
    [`?mount=${D}&from=bob.test%2Fbase`, {
      ...start,
      mount: { digest: D, from: parseImageName("bob.test/base") },
    }],
  ];
  for (const [query, endpoint] of cases) {
    for (const path of ["uploads", "uploads/"]) {
      const line = `POST /v2/alice.test/app/blobs/${path}${query}`;
      assert.deepEqual(parse(line), endpoint, line);
    }
  }
});

Deno.test("an invalid mount becomes a plain upload", () => {
  for (
    const query of [
      "mount=sha256:bad&from=bob.test/base",
      `mount=${D}&from=nobody`,
      `mount=${D}&from=`,
      "from=bob.test/base",
    ]
  ) {
    const endpoint = parse(`POST /v2/alice.test/app/blobs/uploads/?${query}`);
    assert.equal(endpoint.kind, "upload_start");
    assert.equal("mount" in endpoint && endpoint.mount, undefined, query);
  }
});

Deno.test("names that look like endpoints are parsed from the end", () => {
  const repositories = [
    "tags/list",
    "manifests/latest",
    "blobs/uploads",
    "blobs/uploads/x",
    "referrers/a/b",
    "v2",
  ];
  for (const repository of repositories) {
    const name = { owner: NAME.owner, repository };
    const path = `/v2/${formatImageName(name)}`;
    const lines = [
      `GET ${path}/tags/list`,
      `GET ${path}/manifests/list`,
      `GET ${path}/blobs/${D}`,
      `GET ${path}/referrers/${D}`,
      `POST ${path}/blobs/uploads/`,
      `PATCH ${path}/blobs/uploads/list`,
      `GET ${path}/_oci/ext/discover`,
    ];
    for (const line of lines) {
      const endpoint = parse(line);
      assert.deepEqual("name" in endpoint && endpoint.name, name, line);
    }
  }
});

Deno.test("a raw DID may be written plain or percent-encoded", () => {
  const owners = {
    [`did:plc:${ID}`]: `did:plc:${ID}`,
    [`did%3Aplc%3A${ID}`]: `did:plc:${ID}`,
    [`did-plc-${ID}`]: `did:plc:${ID}`,
    "did:web:localhost%3A5000": "did:web:localhost%3A5000",
    "did%3Aweb%3Alocalhost%253A5000": "did:web:localhost%3A5000",
  };
  for (const [text, did] of Object.entries(owners)) {
    const endpoint = parse(`GET /v2/${text}/app/tags/list`);
    assert.deepEqual("name" in endpoint && endpoint.name, {
      owner: { kind: "did", value: did },
      repository: "app",
    });
  }
});

Deno.test("bad parts are refused with the code of the part", () => {
  refuses("GET /v2/alice.test/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/App/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test//app/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/a%2Fb/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/a%5Cb/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/a%00b/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/%252e%252e/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/%ff/tags/list", "NAME_INVALID");
  refuses("GET /v2/tags/list", "NAME_INVALID");
  refuses("GET /v2/alice.test/app/tags/list?n=-1", "INVALID_REQUEST");
  refuses("GET /v2/alice.test/app/manifests/.bad", "MANIFEST_UNKNOWN");
  refuses("DELETE /v2/alice.test/app/manifests/.bad", "MANIFEST_UNKNOWN");
  refuses("PUT /v2/alice.test/app/manifests/.bad", "MANIFEST_INVALID");
  refuses("PUT /v2/alice.test/app/manifests/sha256:bad", "DIGEST_INVALID");
  refuses("GET /v2/alice.test/app/manifests/sha256:bad", "DIGEST_INVALID");
  refuses(`PUT /v2/alice.test/app/manifests/${D}?tag=.a`, "MANIFEST_INVALID");
  refuses(`PUT /v2/alice.test/app/manifests/${D}?tag=${D}`, "MANIFEST_INVALID");
  refuses("GET /v2/alice.test/app/blobs/sha256:bad", "DIGEST_INVALID");
  refuses("GET /v2/alice.test/app/referrers/latest", "DIGEST_INVALID");
  refuses("PATCH /v2/alice.test/app/blobs/uploads/a.b", "BLOB_UPLOAD_UNKNOWN");
  refuses("PUT /v2/alice.test/app/blobs/uploads/x", "DIGEST_INVALID");
  refuses("PUT /v2/alice.test/app/blobs/uploads/x?digest=a", "DIGEST_INVALID");
  refuses("POST /v2/alice.test/app/blobs/uploads/?digest=a", "DIGEST_INVALID");
  refuses(
    "POST /v2/alice.test/app/blobs/uploads/?digest-algorithm=md5",
    "DIGEST_INVALID",
  );
});

Deno.test("ten tags and more are accepted with one manifest, too many are not", () => {
  const query = (count: number) =>
    Array.from({ length: count }, (_, n) => `tag=v${n}`).join("&");
  const path = `/v2/alice.test/app/manifests/${D}`;
  const endpoint = parse(`PUT ${path}?${query(MAX_TAGS)}`);
  assert.equal("tags" in endpoint && endpoint.tags.length, MAX_TAGS);
  refuses(`PUT ${path}?${query(MAX_TAGS + 1)}`, "TOO_LARGE");
});

Deno.test("a wrong method returns the allowed ones", () => {
  const cases: [string, string[]][] = [
    ["POST /v2/", ["GET", "HEAD"]],
    ["DELETE /v2/alice.test/app/tags/list", ["GET", "HEAD"]],
    ["POST /v2/alice.test/app/manifests/a", ["GET", "HEAD", "PUT", "DELETE"]],
    [`PUT /v2/alice.test/app/blobs/${D}`, ["GET", "HEAD", "DELETE"]],
    ["GET /v2/alice.test/app/blobs/uploads/", ["POST"]],
    ["POST /v2/alice.test/app/blobs/uploads/x", [
      "GET",
      "HEAD",
      "PATCH",
      "PUT",
      "DELETE",
    ]],
  ];
  for (const [line, allowed] of cases) {
    assert.throws(
      () => parse(line),
      (error) => {
        assert.ok(isAppError(error, "UNSUPPORTED"));
        assert.equal(error.spec.status, 405);
        assert.deepEqual(error.detail, { method: line.split(" ")[0], allowed });
        return true;
      },
    );
  }
});

Deno.test("a path of no endpoint is not found", () => {
  for (
    const path of [
      "/v1/",
      "/v2x",
      "/v2/x",
      "/v2/alice.test/app",
      "/v2/alice.test/app/tags",
      "/v2/alice.test/app/tags/list/",
      "/v2/alice.test/app/_catalog",
      "/v2/_oci/ext",
    ]
  ) {
    refuses(`GET ${path}`, "NOT_FOUND");
  }
});

Deno.test("any request line gives an endpoint or a client error", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "alice.test",
      `did:plc:${ID}`,
      "app",
      "tags",
      "list",
      "manifests",
      "latest",
      "blobs",
      "uploads",
      "referrers",
      "_oci",
      "ext",
      "discover",
      "_catalog",
      D,
      "",
      "..",
      "%2e%2e",
      "%2F",
      "%",
      "%00",
    ),
    fc.string({ unit: "binary", maxLength: 10 }),
  );
  const names = fc.constantFrom(
    "n",
    "last",
    "digest",
    "mount",
    "from",
    "tag",
    "artifactType",
    "digest-algorithm",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"),
        fc.string(),
      ),
      fc.array(word, { maxLength: 8 }),
      fc.array(fc.tuple(names, word), { maxLength: 4 }),
      (method, words, query) => {
        const endpoint = valueOrClientError(() =>
          parseV2Path(
            method,
            `/v2/${words.join("/")}`,
            new URLSearchParams(query.map(([name, value]) => [name, value])),
          )
        );
        if (endpoint === undefined) return;
        assert.equal(endpoint.method, method);
        if (!("name" in endpoint) || endpoint.name === undefined) return;
        const written = formatImageName(endpoint.name);
        assert.deepEqual(parseImageName(written), endpoint.name);
        assert.ok(!written.includes(".."));
      },
    ),
    FUZZ,
  );
});

Deno.test("long hostile paths are refused at once", () => {
  const start = performance.now();
  for (const part of ["/", "a/", "%41", "%2e/", "blobs/uploads/", "-", "a."]) {
    const path = `/v2/${part.repeat(1_000_000 / part.length)}`;
    for (const ending of ["", "/tags/list", "/blobs/uploads/", `/blobs/${D}`]) {
      valueOrClientError(() =>
        parseV2Path("GET", path + ending, new URLSearchParams())
      );
    }
  }
  assert.ok(performance.now() - start < 20_000);
});
