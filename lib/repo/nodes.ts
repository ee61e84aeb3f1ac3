/**
 * MST nodes: read through a cache, and changed in a workspace that holds the
 * nodes of a commit until the commit is stored.
 *
 * @module
 */

import { MemoryBlockStore, MSTNode, NodeStore } from "@atcute/mst";
import { LRUCache } from "lru-cache";
import type { Kv } from "../kv/kv.ts";
import { hashOfCid } from "./cid.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { NodeRow } from "./rows.ts";

/** Root of a repo without records. */
export const EMPTY_ROOT =
  "bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm";

/** Parsed nodes in the cache; about 2 KB each. */
const CACHED_NODES = 4096;

/** A source of nodes. */
export interface NodeSource {
  /**
   * The node `cid`. Throws when there is none, because the repo is damaged or
   * `cid` has been unreachable for long.
   */
  node(cid: string): Promise<MSTNode>;
}

/** The stored nodes. Cache entries never become stale, because a CID identifies its content. */
export class StoredNodes implements NodeSource {
  readonly #kv: Kv;
  readonly #keys: RepoKeys;
  readonly #cache = new LRUCache<string, MSTNode>({ max: CACHED_NODES });

  constructor(kv: Kv, keys: RepoKeys) {
    this.#kv = kv;
    this.#keys = keys;
  }

  async node(cid: string): Promise<MSTNode> {
    if (cid === EMPTY_ROOT) return MSTNode.empty();
    const cached = this.#cache.get(cid);
    if (cached !== undefined) return cached;
    const row = await this.#kv.get<NodeRow>(this.#keys.node(hashOfCid(cid)));
    if (row === undefined) throw new Error(`MST node ${cid} is missing`);
    const node = await MSTNode.deserialize(row.value.bytes);
    this.#cache.set(cid, node);
    return node;
  }

  /** Adds a node that was just stored to the cache. */
  keep(cid: string, node: MSTNode): void {
    this.#cache.set(cid, node);
  }
}

/**
 * A node store over `source` for the algorithms of the tree library. Nodes put
 * here are not stored; `touched` lists the nodes read from the source.
 */
export class Workspace extends NodeStore implements NodeSource {
  readonly #source: NodeSource;
  readonly #touched = new Map<string, MSTNode>();
  readonly #own = new Map<string, MSTNode>();

  constructor(source: NodeSource) {
    super(new MemoryBlockStore()); // Never used, because get and put are overridden.
    this.#source = source;
  }

  /** The nodes read from the source. */
  get touched(): ReadonlyMap<string, MSTNode> {
    return this.#touched;
  }

  override async get(cid: string | null): Promise<MSTNode> {
    if (cid === null) return MSTNode.empty();
    const own = this.#own.get(cid);
    if (own !== undefined) return own;
    const node = await this.#source.node(cid);
    this.#touched.set(cid, node);
    return node;
  }

  override async put(node: MSTNode): Promise<MSTNode> {
    this.#own.set((await node.cid()).$link, node);
    return node;
  }

  node(cid: string): Promise<MSTNode> {
    return this.get(cid);
  }

  /**
   * The nodes below `root` that were read or created here. Deeper nodes were
   * not read and are unchanged.
   */
  visited(root: string): Map<string, MSTNode> {
    const found = new Map<string, MSTNode>();
    const open = [root];
    for (let cid = open.pop(); cid !== undefined; cid = open.pop()) {
      const node = this.#own.get(cid) ?? this.#touched.get(cid);
      if (node === undefined) continue;
      found.set(cid, node);
      for (const link of node.subtrees) if (link) open.push(link.$link);
    }
    return found;
  }
}
