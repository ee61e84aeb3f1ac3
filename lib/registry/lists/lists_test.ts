import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import { AppError, isAppError } from "../../errors.ts";
import { ALICE } from "../../hold/testing.ts";
import type { HoldClient } from "../../hold_api/hold_client.ts";
import { settle } from "../../kv/testing.ts";
import { digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { registryKeys } from "../kv_keys.ts";
import type { Discovery } from "../manifests/discovery.ts";
import { HeardRows } from "../manifests/heard_rows.ts";
import { ManifestIndex } from "../manifests/manifest_index.ts";
import { OwnerNames } from "../manifests/owner_names.ts";
import {
  OwnerRepo,
  SHOWN,
  testContent,
  testGone,
} from "../manifests/testing_owner.ts";
import { OwnerReader } from "../owners/owner_reader.ts";
import type { RepositoryRow } from "../rows.ts";
import { Lists } from "./lists.ts";
import { RepositoryList } from "./repository_list.ts";
import type { TaggedReferrers } from "./tagged_referrers.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { nothingHidden } from "../owners/testing_hidden.ts";

const OWNER: Identity = identityOf(ALICE, {
  handle: "alice.test",
  pds: "https://pds.example",
});
const PUBLIC: Did = "did:web:public.example.com";
const PRIVATE: Did = "did:web:private.example.com";
const never = new Promise<never>(() => {});

/** Lists of one owner; holds answer as a test says. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const index = new ManifestIndex(kv);
  const heard = new HeardRows(kv);
  const hangs = new Set<string>();
  const silence = {
    isSilent: (pds: string | undefined) => hangs.has(pds ?? ""),
  };
  const reader = new OwnerReader({
    ...{ log, pds: repo.reader, maxManifestBytes: 1_000, hosting: SHOWN },
  });
  const names = new OwnerNames({
    ...{ kv, clock, log, reader, index, heard },
    ...{ defaultHold: PUBLIC, relistMs: 600_000, maxRecords: 20_000 },
    gone: testGone({ kv, clock, reader, index }),
  });
  const asked: Did[] = [];
  /** Responses that replace the usual ones. */
  const answers = new Map<Did, () => Promise<boolean>>();
  const mayRead = async (did: Did) => {
    asked.push(did);
    const allowed = await (answers.get(did)?.() ?? did !== PRIVATE);
    return allowed
      ? { allowed: true } as const
      : { allowed: false, reason: "It is private." } as const;
  };
  const holds = {
    get: (did: Did) => {
      const hold: Partial<HoldClient> = { did, mayRead: () => mayRead(did) };
      return Promise.resolve(hold as HoldClient);
    },
  };
  const discovery: Pick<Discovery, "readReferrers"> = {
    readReferrers: () => Promise.resolve(true),
  };
  const tagged: Pick<TaggedReferrers, "of"> = { of: () => Promise.resolve([]) };
  const lists = new Lists({
    ...{ clock, log, holds, index, names, silence },
    hosting: { isShown: () => Promise.resolve(true) },
    hidden: nothingHidden(holds),
    repositories: new RepositoryList(kv),
    content: testContent(kv, clock),
    discovery: discovery as Discovery,
    taggedReferrers: tagged as TaggedReferrers,
  });
  const know = async (did: Did, name: string, holdDid: Did) => {
    const row: RepositoryRow = { holdDid, updatedAt: 0 };
    await kv.set(registryKeys.repository(did, name), row);
  };
  /** Records of a tag, as written by another service. */
  const record = (repository: string, tag: string, holdDid: Did) => {
    const digest = digestOf(new TextEncoder().encode(tag));
    const facts = { did: ALICE, repository, tag, digest, now: 0 };
    repo.records.set(
      `io.atcr.tag/${tagRkey(repository, tag)}`,
      writeTag({ ...facts, mediaType: OCI_INDEX }),
    );
    repo.records.set(`io.atcr.manifest/${manifestRkey(digest)}`, {
      ...{ repository, digest, mediaType: OCI_INDEX, holdDid },
    });
  };
  const tags = (name: string) =>
    lists.tags(OWNER, name, { caller: undefined, n: 100 });
  const catalog = async () => {
    const page = await lists.catalog({ readerOf: () => undefined, n: 100 });
    return page.items.map((ref) => ref.repo);
  };
  /** The result of `work`, which waits only for `ms`. */
  const after = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    let done = false;
    work.catch(() => {}).finally(() => done = true);
    await settle(kv);
    clock.advance(ms - 1);
    await settle(kv);
    assert.equal(done, false, "too soon");
    clock.advance(1);
    await settle(kv);
    assert.equal(done, true, "too late");
    return await work;
  };
  return {
    ...{ clock, kv, repo, lists, asked, answers, hangs },
    ...{ know, record, tags, catalog, after },
    [Symbol.dispose]: () => kv.close(),
  };
}

const isRefused = (error: unknown) => isAppError(error, "UNAUTHORIZED");

Deno.test("nothing is read from an owner's PDS for callers that may not read the repository", async () => {
  using t = await setUp();
  await t.know(ALICE, "secret", PRIVATE);
  await assert.rejects(t.tags("secret"), isRefused);
  assert.equal(t.repo.reads, 0);
});

Deno.test("an unknown repository of a private hold is refused after reading names but no bytes", async () => {
  using t = await setUp();
  for (let i = 0; i < 30; i++) t.record("secret", `t${i}`, PRIVATE);
  await assert.rejects(t.tags("secret"), isRefused);
  assert.deepEqual(t.repo.blobsRead, []);
  const { reads } = t.repo;
  assert.ok(reads <= 3, `${reads}`);
  await assert.rejects(t.tags("secret"), isRefused);
  assert.equal(t.repo.reads, reads, "known the second time");
});

Deno.test("records with impossible names and keys neither appear nor hide the others", async () => {
  using t = await setUp();
  const write = (rkey: string, repository: string, tag: string) => {
    const digest = digestOf(new TextEncoder().encode(rkey));
    const facts = { did: ALICE, repository, tag, digest, now: 0 };
    const value = writeTag({ ...facts, mediaType: OCI_INDEX });
    t.repo.records.set(`io.atcr.tag/${rkey}`, value);
  };
  t.record("app", "good", PUBLIC);
  write("a", "app", "\u001b]0;title\u0007");
  write("b", "app", "x".repeat(5_000));
  write("c", "y".repeat(5_000), "v1");
  write("d", "../app", "v1");
  write("k".repeat(70_000), "app", "long-key");
  assert.deepEqual((await t.tags("app")).items, ["good"]);
  const digest = digestOf(new Uint8Array(1));
  const far = `did:web:${"far.".repeat(400)}example.com` as Did;
  for (const [rkey, holdDid] of [["e", PUBLIC], ["f", far]] as const) {
    t.repo.records.set(`io.atcr.manifest/${rkey}`, {
      ...{ repository: "z".repeat(5_000), digest, holdDid },
      ...{ mediaType: OCI_INDEX, subject: { digest } },
    });
  }
  const options = { caller: undefined, artifactTypes: [] };
  const { items } = await t.lists.referrers(OWNER, "app", digest, options);
  assert.deepEqual(items, []);
});

Deno.test("tags of a known repository are listed soon, with a warning, while the PDS hangs", async () => {
  using t = await setUp();
  await t.know(ALICE, "app", PUBLIC);
  t.repo.beforeList = () => never;
  const page = await t.after(2_000, t.tags("app"));
  assert.deepEqual(page.items, []);
  assert.match(page.doubt ?? "", /still being read/);
});

Deno.test("a PDS that is known to hang delays no list", async () => {
  using t = await setUp();
  await t.know(ALICE, "app", PUBLIC);
  t.repo.beforeList = () => never;
  t.hangs.add("https://pds.example");
  for (let i = 0; i < 3; i++) {
    const page = await t.after(200, t.tags("app"));
    assert.match(page.doubt ?? "", /may lack/);
    await assert.rejects(t.after(200, t.tags("unknown")), isAppError);
  }
});

Deno.test("an unknown repository is unavailable while the PDS hangs", async () => {
  using t = await setUp();
  t.repo.beforeList = () => never;
  await assert.rejects(
    t.after(10_000, t.tags("app")),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
});

Deno.test("the catalog waits for all hanging holds together, and not again later", async () => {
  using t = await setUp();
  for (let i = 0; i < 40; i++) {
    const hold: Did = `did:web:h${i}.example.com`;
    t.answers.set(hold, () => never);
    await t.know(ALICE, `hanging${i}`, hold);
  }
  await t.know(ALICE, "open", PUBLIC);
  await t.know(ALICE, "secret", PRIVATE);
  const first = t.after(3_000, t.catalog());
  await first;
  // Holds that were queried are not queried again; the others are.
  const before = new Set(t.asked);
  await t.after(3_000, t.catalog());
  await t.after(3_000, t.catalog());
  assert.deepEqual(await t.catalog(), ["open"]);
  const hanging = t.asked.filter((did) => t.answers.has(did));
  assert.equal(new Set(hanging).size, hanging.length);
  assert.ok(before.size >= 16, `${before.size}`);
});

Deno.test("the catalog uses a hold's earlier decision when it hangs, but not when it refuses", async () => {
  using t = await setUp();
  await t.know(ALICE, "app", PUBLIC);
  assert.deepEqual(await t.catalog(), ["app"]);
  t.answers.set(PUBLIC, () => never);
  assert.deepEqual(await t.after(3_000, t.catalog()), ["app"]);
  assert.deepEqual(await t.catalog(), ["app"]);
  t.clock.advance(60 * 60_000);
  assert.deepEqual(await t.after(3_000, t.catalog()), []);
  t.clock.advance(60_000);
  t.answers.set(PUBLIC, () => Promise.resolve(false));
  assert.deepEqual(await t.catalog(), []);
});

Deno.test("a hold that fails hides its repositories, not the catalog", async () => {
  using t = await setUp();
  const broken: Did = "did:web:broken.example.com";
  t.answers.set(
    broken,
    () => Promise.reject(new AppError("UPSTREAM_FAILED", "It is broken.")),
  );
  await t.know(ALICE, "a", broken);
  await t.know(ALICE, "b", PUBLIC);
  assert.deepEqual(await t.catalog(), ["b"]);
});
