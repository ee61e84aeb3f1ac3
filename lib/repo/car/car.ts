/**
 * Exports the repo as CARs: whole, since a revision, single proofs and single
 * blocks (repository specification, "CAR File Serialization").
 *
 * @module
 */

import { decode, fromBytes } from "@atcute/cbor";
import { isNodeData } from "@atcute/mst";
import { joinBytes } from "../../bytes.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { hashOfCid, isCid } from "../cid.ts";
import { type Block, carBytes, carStream } from "../commit.ts";
import type { RepoKeys } from "../kv_keys.ts";
import type { StoredNodes } from "../nodes.ts";
import {
  assertCollection,
  assertRev,
  assertRkey,
  splitPath,
  treePath,
} from "../path.ts";
import type { HeadRow, NodeRow, OldRow, RecordRow } from "../rows.ts";
import { proofOf } from "../tree.ts";

/** Maximum number of blocks per request. */
const MAX_BLOCKS = 300;

/** Approximate chunk size of an export in bytes. */
const PIECE_BYTES = 64 * 1024;

/** A link of a node, with the stored row it points to. */
interface Child {
  readonly cid: string;
  /** Path of a record; undefined for a node. */
  readonly path?: string;
  readonly row: NodeRow | RecordRow | undefined;
}

/** Reads CARs of one repo. */
export class CarReader {
  readonly #kv: Kv;
  readonly #keys: RepoKeys;
  readonly #nodes: StoredNodes;

  constructor(deps: { kv: Kv; keys: RepoKeys; nodes: StoredNodes }) {
    this.#kv = deps.kv;
    this.#keys = deps.keys;
    this.#nodes = deps.nodes;
  }

  /**
   * Exports the current repo, or its changes after the revision `since`: the
   * commit, then the tree from left to right, each node before its children.
   * Streams with constant memory while commits continue. The stream fails when
   * it takes more than an hour and blocks it needs have been removed. A record
   * at two paths is sent twice: deduplication would need a list of all records.
   * Throws AppError `INVALID_REQUEST` when `since` is not a TID.
   */
  async export(since?: string): Promise<ReadableStream<Uint8Array>> {
    if (since !== undefined) assertRev(since);
    const head = await this.#head();
    const blocks = this.#walk(head, since);
    return ReadableStream.from(pieces(carStream([head.cid], blocks)));
  }

  /**
   * Returns a CAR that proves that the record at a path exists, or that there
   * is none. Throws AppError `INVALID_REQUEST` for bad names.
   */
  async proof(
    collection: string,
    rkey: string,
  ): Promise<Uint8Array<ArrayBuffer>> {
    assertCollection(collection);
    assertRkey(rkey);
    const head = await this.#head();
    const path = treePath(collection, rkey);
    const { cid, nodes } = await proofOf(this.#nodes, head.data, path);
    const blocks: Block[] = [{ cid: head.cid, bytes: head.commit }];
    for (const [cid, node] of nodes) {
      blocks.push({ cid, bytes: await node.serialize() });
    }
    if (cid !== undefined) {
      const row = await this.#kv.get<RecordRow>(
        this.#keys.record(collection, rkey),
      );
      blocks.push({ cid, bytes: await this.#version(cid, row?.value) });
    }
    return await carBytes([head.cid], blocks);
  }

  /**
   * Returns a CAR without root that contains single blocks: the commit, nodes,
   * records. Throws AppError `INVALID_REQUEST` (`BlockNotFound`) when one is
   * missing, and for malformed CIDs or more than {@linkcode MAX_BLOCKS}.
   */
  async blocks(cids: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
    if (cids.length > MAX_BLOCKS) {
      throw new AppError(
        "INVALID_REQUEST",
        `${cids.length} blocks are too many for one request; ask for at most ${MAX_BLOCKS}.`,
      );
    }
    const head = await this.#head();
    const blocks: Block[] = [];
    for (const cid of cids) {
      const bytes = cid === head.cid ? head.commit : await this.#block(cid);
      if (bytes === undefined) {
        throw new AppError(
          "INVALID_REQUEST",
          `There is no block ${cid} in this repo.`,
          { xrpc: "BlockNotFound" },
        );
      }
      blocks.push({ cid, bytes });
    }
    return await carBytes([], blocks);
  }

  async *#walk(
    head: HeadRow,
    since: string | undefined,
  ): AsyncGenerator<Block> {
    yield { cid: head.cid, bytes: head.commit };
    const root = await this.#kv.get<NodeRow>(
      this.#keys.node(hashOfCid(head.data)),
    );
    const stack: Child[] = [{ cid: head.data, row: root?.value }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { cid, path, row } = next;
      // The reader already has a node written before `since` and everything
      // below it, since a new node has only new ancestors.
      if (since !== undefined && row !== undefined && row.rev <= since) {
        continue;
      }
      if (path !== undefined) {
        yield { cid, bytes: await this.#version(cid, row) };
        continue;
      }
      if (row === undefined) throw new Error(`MST node ${cid} is missing`);
      yield { cid, bytes: row.bytes };
      const children = await this.#children(row.bytes);
      stack.push(...children.toReversed());
    }
  }

  /** Links of the node in `bytes`, from left to right. */
  async #children(bytes: Uint8Array): Promise<Child[]> {
    const node: unknown = decode(bytes);
    if (!isNodeData(node)) throw new Error("a stored MST node is malformed");
    const links: { cid: string; path?: string }[] = [];
    if (node.l !== null) links.push({ cid: node.l.$link });
    let path = "";
    for (const { p, k, v, t } of node.e) {
      path = path.slice(0, p) + new TextDecoder().decode(fromBytes(k));
      links.push({ cid: v.$link, path });
      if (t !== null) links.push({ cid: t.$link });
    }
    const rows = await this.#kv.getMany<NodeRow | RecordRow>(
      links.map(({ cid, path }) => {
        if (path === undefined) return this.#keys.node(hashOfCid(cid));
        const { collection, rkey } = splitPath(path);
        return this.#keys.record(collection, rkey);
      }),
    );
    return links.map((link, i) => ({ ...link, row: rows[i]?.value }));
  }

  /** Returns the record `cid`, whether it is still that of `row` or was replaced meanwhile. */
  async #version(
    cid: string,
    row: NodeRow | RecordRow | undefined,
  ): Promise<Uint8Array> {
    if (row !== undefined && "cid" in row && row.cid === cid) return row.bytes;
    const old = await this.#kv.get<OldRow>(this.#keys.old(hashOfCid(cid)));
    if (old === undefined) throw new Error(`the record ${cid} is gone`);
    return old.value.bytes;
  }

  async #block(cid: string): Promise<Uint8Array | undefined> {
    if (!isCid(cid)) {
      throw new AppError("INVALID_REQUEST", "A CID of the request is broken.");
    }
    const hash = hashOfCid(cid);
    const [node, old] = await this.#kv.getMany<NodeRow | OldRow>([
      this.#keys.node(hash),
      this.#keys.old(hash),
    ]);
    const found = node ?? old;
    if (found !== undefined) return found.value.bytes;
    const paths = this.#kv.list({ prefix: this.#keys.paths(hash) }, {
      limit: 1,
    });
    for await (const { key } of paths) {
      const row = await this.#kv.get<RecordRow>(
        this.#keys.record(String(key.at(-2)), String(key.at(-1))),
      );
      if (row?.value.cid === cid) return row.value.bytes;
    }
    return undefined;
  }

  async #head(): Promise<HeadRow> {
    const head = await this.#kv.get<HeadRow>(this.#keys.head);
    if (head === undefined) throw new Error("the repo has no head");
    return head.value;
  }
}

/** Joins small chunks to chunks of about {@linkcode PIECE_BYTES}. */
async function* pieces(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let open: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    open.push(chunk);
    size += chunk.length;
    if (size < PIECE_BYTES) continue;
    yield joinBytes(open);
    open = [];
    size = 0;
  }
  if (size > 0) yield joinBytes(open);
}
