/**
 * A strict consumer of `com.atproto.sync.subscribeRepos` after sync 1.1: it
 * trusts nothing that it cannot compute. Trees, commits and values are checked
 * with other libraries than those of the repo, so that a defect of one is
 * detected by the other.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeFirst } from "@atcute/cbor";
import {
  type Commit,
  def,
  MemoryBlockstore,
  MST,
  readCarWithRoot,
  verifyCommitSig,
  verifyRepoCar,
} from "@atproto/repo";
import { isValidHandle, isValidTid } from "@atproto/syntax";
import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import { z } from "zod";

const cid = z.custom<CID>((value) => CID.asCID(value) !== null).transform(
  String,
);
const bytes = z.instanceof(Uint8Array);
const seq = z.int().positive();
const time = z.iso.datetime();

/** The messages of the lexicon, with no member more. */
const MESSAGES = {
  "#commit": z.strictObject({
    seq,
    rebase: z.literal(false),
    tooBig: z.literal(false),
    repo: z.string(),
    commit: cid,
    rev: z.string().refine(isValidTid),
    since: z.string().refine(isValidTid).nullable(),
    blocks: bytes.refine((car) => car.length <= 2_000_000),
    ops: z.array(z.strictObject({
      action: z.enum(["create", "update", "delete"]),
      path: z.string(),
      cid: cid.nullable(),
      prev: cid.optional(),
    })).max(200),
    blobs: z.array(cid).max(0),
    prevData: cid.optional(),
    time,
  }),
  "#sync": z.strictObject({
    seq,
    did: z.string(),
    blocks: bytes.refine((car) => car.length <= 10_000),
    rev: z.string().refine(isValidTid),
    time,
  }),
  "#identity": z.strictObject({
    seq,
    did: z.string(),
    handle: z.string().refine(isValidHandle).optional(),
    time,
  }),
  "#account": z.union([
    z.strictObject({ seq, did: z.string(), active: z.literal(true), time }),
    z.strictObject({
      seq,
      did: z.string(),
      active: z.literal(false),
      status: z.literal("deactivated"),
      time,
    }),
  ]),
};

type CommitBody = z.infer<(typeof MESSAGES)["#commit"]>;
type RepoOp = CommitBody["ops"][number];

/** Splits one WebSocket message into header and body. */
export function decodeFrame(
  frame: Uint8Array,
): { header: unknown; body: unknown } {
  const [header, rest] = decodeFirst(frame);
  const body = dagCbor.decode(rest);
  const again = new Uint8Array(dagCbor.encode(body));
  assert.deepEqual(again, rest, "the body is not deterministic");
  return { header, body };
}

/** Follows one repo, event by event, and throws an AssertionError at the first that is wrong. */
export class SyncVerifier {
  readonly #did: string;
  #didKey: string;
  /** The repo according to the events: path to CID of the record. */
  readonly records = new Map<string, string>();
  /** Number of the last event. */
  seq: number | undefined;
  rev: string | null = null;
  commit: string | undefined;
  /** Root of the tree. */
  data: string | undefined;
  /** Whether the account is active. */
  active = false;
  commits = 0;
  ops = 0;

  constructor(did: string, didKey: string) {
    this.#did = did;
    this.#didKey = didKey;
  }

  /** From now on commits are signed by `didKey`. */
  trust(didKey: string): void {
    this.#didKey = didKey;
  }

  /** Checks the next frame; returns its type. */
  async take(frame: Uint8Array): Promise<keyof typeof MESSAGES> {
    assert.ok(frame.length <= 5_000_000, "a frame is larger than 5 MB");
    const { header, body } = decodeFrame(frame);
    const { t } = z.strictObject({
      op: z.literal(1),
      t: z.enum(["#commit", "#sync", "#identity", "#account"]),
    }).parse(header);
    const message = MESSAGES[t].parse(body);
    if (this.seq !== undefined) {
      assert.equal(message.seq, this.seq + 1, "event numbers have a gap");
    }
    this.seq = message.seq;
    const did = "repo" in message ? message.repo : message.did;
    assert.equal(did, this.#did);
    if (t === "#account") this.active = MESSAGES[t].parse(body).active;
    if (t === "#commit") await this.#commit(MESSAGES[t].parse(body));
    if (t === "#sync") await this.#sync(MESSAGES[t].parse(body));
    return t;
  }

  /** Checks that a CAR of the whole repo matches the events. */
  async assertExport(car: Uint8Array): Promise<void> {
    const { creates, commit } = await verifyRepoCar(
      car,
      this.#did,
      this.#didKey,
    );
    assert.equal(commit.cid.toString(), this.commit);
    const exported = creates.map((create) =>
      [`${create.collection}/${create.rkey}`, create.cid.toString()] as const
    );
    assert.deepEqual(new Map(exported), new Map([...this.records].sort()));
  }

  async #sync(message: z.infer<(typeof MESSAGES)["#sync"]>): Promise<void> {
    const { root, blocks } = await readCarWithRoot(message.blocks);
    assert.equal(root.toString(), this.commit);
    assert.equal(blocks.size, 1, "#sync carries more than the commit");
    assert.equal(message.rev, this.rev);
  }

  async #commit(message: CommitBody): Promise<void> {
    assert.ok(this.active, "a commit of an account that is off");
    assert.equal(message.since, this.rev, "since is not the revision before");
    assert.equal(
      message.prevData,
      this.data,
      "prevData is not the root before",
    );
    assert.ok(this.rev === null || message.rev > this.rev, "rev went back");
    const { root, blocks } = await readCarWithRoot(message.blocks);
    assert.equal(root.toString(), message.commit);
    const store = new MemoryBlockstore(blocks);
    const commit: Commit = await store.readObj(root, def.commit);
    assert.equal(commit.did, this.#did);
    assert.equal(commit.rev, message.rev);
    assert.equal(commit.prev, null);
    assert.ok(await verifyCommitSig(commit, this.#didKey), "bad signature");

    const tree = MST.load(store, commit.data);
    const used = new Set([message.commit]);
    const paths = new Set<string>();
    for (const op of message.ops) {
      assert.ok(!paths.has(op.path), `${op.path} is changed twice`);
      paths.add(op.path);
      this.#replay(op);
      const found = (await tree.get(op.path))?.toString() ?? null;
      assert.equal(found, op.cid, `${op.path} is not in the tree`);
      if (op.cid === null) continue;
      assert.ok(blocks.has(CID.parse(op.cid)), `${op.path} is not sent`);
      used.add(op.cid);
    }
    await reachable(store, commit.data.toString(), used);
    for (const entry of blocks.entries()) {
      assert.ok(used.has(entry.cid.toString()), "a block belongs nowhere");
    }
    if (this.data !== undefined) await this.#invert(tree, message);
    this.rev = message.rev;
    this.commit = message.commit;
    this.data = commit.data.toString();
    this.commits++;
    this.ops += message.ops.length;
  }

  #replay({ action, path, cid, prev }: RepoOp): void {
    assert.equal(prev, this.records.get(path), `prev of ${path} is wrong`);
    assert.equal(action === "create", prev === undefined);
    assert.equal(action === "delete", cid === null);
    if (cid === null) this.records.delete(path);
    else {
      assert.notEqual(cid, prev, `${path} is updated to what it was`);
      this.records.set(path, cid);
    }
  }

  /**
   * Inverts the operations using only the blocks of the event, in every order
   * that a consumer may use.
   */
  async #invert(tree: MST, message: CommitBody): Promise<void> {
    const deletesFirst = (op: RepoOp) => op.action === "delete" ? 0 : 1;
    const byPath = message.ops.toSorted((a, b) => a.path < b.path ? -1 : 1);
    const orders = [
      message.ops,
      message.ops.toReversed(),
      byPath.toSorted((a, b) => deletesFirst(a) - deletesFirst(b)),
      byPath.toSorted((a, b) => deletesFirst(b) - deletesFirst(a)),
    ];
    for (const ops of orders) {
      let before = tree;
      for (const { action, path, prev } of ops) {
        if (action === "create") before = await before.delete(path);
        else if (prev !== undefined) {
          before = action === "delete"
            ? await before.add(path, CID.parse(prev))
            : await before.update(path, CID.parse(prev));
        }
      }
      const root = (await before.getPointer()).toString();
      assert.equal(root, message.prevData, "the commit cannot be undone");
    }
  }
}

/** Adds the nodes below `root` that `store` has to `used`. */
async function reachable(
  store: MemoryBlockstore,
  root: string,
  used: Set<string>,
): Promise<void> {
  const bytes = await store.getBytes(CID.parse(root));
  if (bytes === null) return;
  used.add(root);
  const { l, e } = NODE.parse(dagCbor.decode(bytes));
  for (const child of [l, ...e.map(({ t }) => t)]) {
    if (child !== null) await reachable(store, child, used);
  }
}

const NODE = z.object({
  l: cid.nullable(),
  e: z.array(z.object({ t: cid.nullable() })),
});
