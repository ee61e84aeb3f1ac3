import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type {
  PdsReader,
  PdsSession,
  RepoWrite,
} from "../../atproto/pds/pds.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { AppError, type ErrorCode, isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { type ManifestWrite, OwnerRecords } from "./owner_records.ts";
import { systemClock } from "../../clock.ts";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DID: Did = "did:plc:alicealicealicealiceal22";
const BYTES = new TextEncoder().encode(
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }),
);
const DIGEST = digestOf(BYTES);
const BLOB = {
  $type: "blob",
  ref: { $link: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" },
  mimeType: OCI_INDEX,
  size: BYTES.length,
} as const;

const WRITE: ManifestWrite = {
  repository: "app",
  digest: DIGEST,
  manifest: parseManifest(BYTES, OCI_INDEX),
  bytes: BYTES,
  holdDid: "did:web:hold.example.com",
  now: 2_000,
  createdAt: 1_000,
  tags: [{ tag: "x", rkey: "app_x" }],
  known: { exists: true, blob: BLOB },
};

const TAG_VALUE = writeTag({
  did: DID,
  repository: "app",
  tag: "x",
  digest: DIGEST,
  mediaType: OCI_INDEX,
  now: 0,
});

/** A repo whose first `refusals` commits are refused with `code`; `found` are its records. */
function setUp(refusals: number, code: ErrorCode, found: readonly string[]) {
  const calls: string[] = [];
  const commits: RepoWrite[][] = [];
  const unused = () => Promise.reject(new Error("not used"));
  let left = refusals;
  const session: PdsSession = {
    did: DID,
    pds: "https://pds.example",
    applyWrites: (writes) => {
      calls.push(
        `commit ${writes.map((w) => `${w.action} ${w.collection}`).join(", ")}`,
      );
      if (left-- > 0) return Promise.reject(new AppError(code, "It is so."));
      commits.push([...writes]);
      return Promise.resolve([]);
    },
    putRecord: unused,
    deleteRecord: unused,
    uploadBlob: () => {
      calls.push("upload");
      return Promise.resolve(BLOB);
    },
    serviceToken: unused,
  };
  const reader: Partial<PdsReader> = {
    getRecord: (_pds, _did, collection, rkey) => {
      calls.push(`read ${collection}`);
      return Promise.resolve(
        found.includes(collection)
          ? {
            uri: `at://${DID}/${collection}/${rkey}`,
            cid: "bafy",
            value: TAG_VALUE,
          }
          : undefined,
      );
    },
  };
  const records = new OwnerRecords(reader as PdsReader, systemClock);
  return { records, session, calls, commits };
}

const UPDATE = "commit update io.atcr.manifest, update io.atcr.tag";

Deno.test("a known manifest costs one commit that references its record and blob again, and no upload", async () => {
  const { records, session, calls, commits } = setUp(0, "CONFLICT", []);
  const written = await records.write(session, WRITE);
  assert.deepEqual(calls, [UPDATE]);
  assert.deepEqual(written, { blob: BLOB, rkeys: ["app_x"], records: [] });
  const [first] = commits[0] ?? [];
  assert.ok(first && "value" in first);
  assert.deepEqual(first.value["manifestBlob"], BLOB);
  assert.equal(first.value["createdAt"], new Date(1_000).toISOString());
});

Deno.test("a known manifest whose blob the PDS has lost is uploaded again", async () => {
  const found = ["io.atcr.manifest", "io.atcr.tag"];
  const { records, session, calls } = setUp(1, "UPSTREAM_FAILED", found);
  await records.write(session, WRITE);
  assert.equal(calls[0], UPDATE);
  assert.ok(calls.includes("upload"));
  assert.equal(calls.at(-1), UPDATE);
});

Deno.test("a known manifest whose record was deleted is created again", async () => {
  const { records, session, calls } = setUp(1, "CONFLICT", ["io.atcr.tag"]);
  await records.write(session, WRITE);
  const last = "commit create io.atcr.manifest, update io.atcr.tag";
  assert.equal(calls.at(-1), last);
});

Deno.test("a PDS that takes small records only gets one that leaves out more", async () => {
  const layer = {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: DIGEST,
    size: 7,
    annotations: { note: "x".repeat(300) },
  };
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: layer,
    layers: Array(900).fill(layer),
  }));
  const manifest = parseManifest(bytes, OCI_MANIFEST);
  const { records, session, commits } = setUp(0, "CONFLICT", []);
  const small: PdsSession = {
    ...session,
    applyWrites: (writes) =>
      JSON.stringify(writes).length > 150_000
        ? Promise.reject(new AppError("TOO_LARGE", "It is too large."))
        : session.applyWrites(writes),
  };
  await records.write(small, {
    ...WRITE,
    bytes,
    manifest,
    digest: digestOf(bytes),
    known: undefined,
  });
  const [first] = commits[0] ?? [];
  assert.ok(first && "value" in first);
  assert.equal(first.value["repository"], "app");
  assert.deepEqual(first.value["manifestBlob"], BLOB);
});

Deno.test("a push is not acknowledged when the PDS refuses both commits", async () => {
  const { records, session, commits } = setUp(2, "CONFLICT", []);
  await assert.rejects(
    records.write(session, WRITE),
    (error) => isAppError(error, "CONFLICT"),
  );
  assert.deepEqual(commits, []);
});

for (const code of ["UNAVAILABLE", "UPSTREAM_TIMEOUT"] as const) {
  Deno.test(`a push whose commit was applied before ${code} is acknowledged`, async () => {
    const t = setUp(0, code, []);
    const stored = new Map<string, Record<string, unknown>>();
    const lost: PdsSession = {
      ...t.session,
      applyWrites: (writes) => {
        for (const write of writes) {
          if (write.action === "delete") continue;
          // A PDS gives what it stored, with names in an order of its own.
          const entries = Object.entries(write.value).reverse();
          const value = JSON.parse(JSON.stringify(Object.fromEntries(entries)));
          stored.set(`${write.collection}/${write.rkey}`, value);
        }
        return Promise.reject(new AppError(code, "It is gone."));
      },
    };
    const reader: Partial<PdsReader> = {
      getRecord: (_pds, _did, collection, rkey) => {
        const value = stored.get(`${collection}/${rkey}`);
        return Promise.resolve(value && { uri: "", cid: "bafy", value });
      },
    };
    const records = new OwnerRecords(reader as PdsReader, systemClock);
    for (const known of [undefined, WRITE.known]) {
      stored.clear();
      const written = await records.write(lost, { ...WRITE, known });
      assert.deepEqual(written.rkeys, ["app_x"]);
      assert.deepEqual(written.records.map(({ collection }) => collection), [
        "io.atcr.manifest",
        "io.atcr.tag",
      ]);
    }
    // What is there may be older than this push.
    const untagged = { ...WRITE, tags: [] };
    await assert.rejects(
      records.write(lost, untagged),
      (error) => isAppError(error, code),
    );
  });
}

Deno.test("a push is not acknowledged when one of its records is not there or another one", async () => {
  for (const found of [[], ["io.atcr.tag"]]) {
    const t = setUp(1, "UNAVAILABLE", found);
    await assert.rejects(
      t.records.write(t.session, WRITE),
      (error) => isAppError(error, "UNAVAILABLE"),
    );
  }
});

Deno.test("a known manifest is not acknowledged while its PDS is unreachable", async () => {
  const { records, session, calls } = setUp(1, "UNAVAILABLE", []);
  await assert.rejects(
    records.write(session, { ...WRITE, tags: [] }),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  assert.deepEqual(calls, ["commit update io.atcr.manifest"]);
});
