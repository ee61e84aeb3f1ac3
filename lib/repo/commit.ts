/**
 * The signed commit object at the root of the repo (repository specification,
 * "Commit Objects"), and small CARs with it.
 *
 * @module
 */

import { writeCarStream } from "@atcute/car";
import { fromString, toCidLink } from "@atcute/cid";
import { encode } from "@ipld/dag-cbor";
import { joinBytes } from "../bytes.ts";
import type { Did } from "../did.ts";
import { cidBytes, cidOfBlock, parseCid } from "./cid.ts";
import type { Signer } from "./identity/signer.ts";

/** A block of a CAR. */
export interface Block {
  readonly cid: string;
  readonly bytes: Uint8Array;
}

/** Creates and signs the commit of the tree `data` at revision `rev`. */
export async function signCommit(
  signer: Signer,
  { did, rev, data }: { did: Did; rev: string; data: string },
): Promise<Block> {
  const unsigned = {
    did,
    version: 3,
    data: parseCid(data),
    rev,
    prev: null,
  };
  const sig = await signer.sign(encode(unsigned));
  const bytes = encode({ ...unsigned, sig });
  return { cid: cidOfBlock(bytes), bytes };
}

/** Streams a CAR v1 with `roots` and `blocks`, in order. */
export async function* carStream(
  roots: readonly string[],
  blocks: AsyncIterable<Block> | Iterable<Block>,
): AsyncGenerator<Uint8Array> {
  const links = roots.map((root) => toCidLink(fromString(root)));
  yield* writeCarStream(links, carBlocks(blocks));
}

/** Builds a small CAR in memory; duplicate blocks are written once. */
export async function carBytes(
  roots: readonly string[],
  blocks: Iterable<Block>,
): Promise<Uint8Array<ArrayBuffer>> {
  const once = new Map<string, Block>();
  for (const block of blocks) once.set(block.cid, block);
  return joinBytes(await Array.fromAsync(carStream(roots, once.values())));
}

async function* carBlocks(blocks: AsyncIterable<Block> | Iterable<Block>) {
  for await (const { cid, bytes } of blocks) {
    yield { cid: cidBytes(cid), data: bytes };
  }
}
