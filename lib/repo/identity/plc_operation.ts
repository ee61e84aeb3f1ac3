/**
 * Operations of the PLC directory: the state of a did:plc, signed by one of its
 * rotation keys (did:plc specification, "Operation Serialization").
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { encode } from "@ipld/dag-cbor";
import { base32 } from "multiformats/bases/base32";
import { z } from "zod";
import type { Did } from "../../did.ts";
import { cidOfBlock } from "../cid.ts";
import type { Signer } from "./signer.ts";

/** Schema of a signed operation, as sent to and received from the directory. */
export const plcOperation = z.object({
  type: z.literal("plc_operation"),
  rotationKeys: z.array(z.string()).max(10),
  verificationMethods: z.record(z.string(), z.string()),
  alsoKnownAs: z.array(z.string()),
  services: z.record(
    z.string(),
    z.object({ type: z.string(), endpoint: z.string() }),
  ),
  prev: z.string().nullable(),
  sig: z.string(),
});

/** A signed operation. */
export type PlcOperation = z.output<typeof plcOperation>;

/** An unsigned operation. */
export type UnsignedPlcOperation = Omit<PlcOperation, "sig">;

/** Signs an operation with a rotation key. */
export async function signOperation(
  operation: UnsignedPlcOperation,
  rotation: Signer,
): Promise<PlcOperation> {
  const sig = await rotation.sign(encode(operation));
  return { ...operation, sig: Buffer.from(sig).toString("base64url") };
}

/** The DID that a genesis operation creates. */
export function didOfGenesis(genesis: PlcOperation): Did {
  const hash = createHash("sha256").update(encode(genesis)).digest();
  return `did:plc:${base32.baseEncode(hash).slice(0, 24)}`;
}

/** CID with which the next operation refers to this one. */
export function operationCid(operation: PlcOperation): string {
  return cidOfBlock(encode(operation));
}
