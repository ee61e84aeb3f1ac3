/**
 * Changes the Merkle search tree, and collects the nodes that a `#commit` event
 * must carry so that consumers can invert its operations (sync specification,
 * "inductive" firehose).
 *
 * @module
 */

import { fromString, toCidLink } from "@atcute/cid";
import { type MSTNode, NodeWalker, NodeWrangler } from "@atcute/mst";
import { type NodeSource, Workspace } from "./nodes.ts";

/** A change at one path, from `prev` to `cid`; null means no record. */
export interface TreeOp {
  readonly path: string;
  readonly cid: string | null;
  readonly prev: string | null;
}

/** A changed tree. */
export interface ChangedTree {
  /** CID of the new root. */
  readonly root: string;
  /** Nodes of the new tree that the old one did not have. */
  readonly created: ReadonlyMap<string, MSTNode>;
  /** Nodes of the old tree that the new one does not have. */
  readonly removed: readonly string[];
  /** All nodes needed to verify and invert the change, in any order. */
  readonly proof: ReadonlyMap<string, MSTNode>;
}

/** Applies `ops`, each on a different path, to the tree below `root`. */
export async function changeTree(
  source: NodeSource,
  root: string,
  ops: readonly TreeOp[],
): Promise<ChangedTree> {
  const changed = new Workspace(source);
  const after = await applyOps(changed, root, ops);
  // A node of the old tree is removed only with its parent, so all removed
  // nodes have been read; and no node occurs twice in a tree, since its keys do
  // not.
  const old = new Set(changed.touched.keys());
  const top = await changed.get(after);
  const there = changed.visited(after).set(after, top);
  const created = new Map([...there].filter(([cid]) => !old.has(cid)));
  const removed = [...old].filter((cid) => !there.has(cid));

  // Inversion also needs siblings that the change itself did not create;
  // without them consumers cannot verify one mixed commit in seven.
  const around = new Workspace(changed);
  for (const op of ops) await visitAround(around, after, op);
  const proof = new Map([[after, top], ...created, ...around.touched]);
  return { root: after, created, removed, proof };
}

/** The nodes that prove what is at `path`, or that it is absent; from the root down. */
export async function proofOf(
  source: NodeSource,
  root: string,
  path: string,
): Promise<{ cid: string | undefined; nodes: ReadonlyMap<string, MSTNode> }> {
  const walker = await NodeWalker.create(new Workspace(source), root);
  const found = await walker.findRpath(path);
  const nodes = new Map<string, MSTNode>();
  for (const { node } of [...walker.stack].toReversed()) {
    nodes.set((await node.cid()).$link, node);
  }
  return { cid: found?.$link, nodes };
}

async function applyOps(
  workspace: Workspace,
  root: string,
  ops: readonly TreeOp[],
): Promise<string> {
  const wrangler = new NodeWrangler(workspace);
  let at = root;
  for (const { path, cid } of ops) {
    at = cid === null
      ? await wrangler.deleteRecord(at, path)
      : await wrangler.putRecord(at, path, toCidLink(fromString(cid)));
  }
  return at;
}

/**
 * Visits the nodes that inverting `op` may need, for any order of inversion:
 * those around the position of its path.
 */
async function visitAround(
  tree: Workspace,
  root: string,
  op: TreeOp,
): Promise<void> {
  const visit = (link: { $link: string } | null | undefined) =>
    link ? tree.get(link.$link) : undefined;
  let node: MSTNode | undefined = await tree.get(root);
  while (node !== undefined) {
    const at = node.lowerBound(op.path);
    if (node.keys[at] !== op.path) {
      node = await visit(node.subtrees[at]);
      continue;
    }
    if (op.prev !== null) return; // An update moves nothing.
    // Removing the record joins the subtrees on both sides of it.
    let left = await visit(node.subtrees[at]);
    while (left !== undefined) left = await visit(left.subtrees.at(-1));
    let right = await visit(node.subtrees[at + 1]);
    while (right !== undefined) right = await visit(right.subtrees[0]);
    return;
  }
}
