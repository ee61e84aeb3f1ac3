/**
 * The hold's did:plc: created on first start, and updated when key or address
 * change.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { isValidHandle } from "@atproto/syntax";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { Fetcher } from "../events/crawl.ts";
import type { DidService } from "./did_document.ts";
import { plcGenesisKey } from "../kv_keys.ts";
import {
  didOfGenesis,
  operationCid,
  type PlcOperation,
  plcOperation,
  signOperation,
  type UnsignedPlcOperation,
} from "./plc_operation.ts";
import type { Signer } from "./signer.ts";

/** Dependencies of the PLC client. */
export interface PlcDeps {
  readonly kv: Kv;
  readonly fetch: Fetcher;
  /** Origin of the directory, for example `https://plc.directory`. */
  readonly directory: string;
  /** The key that may update the DID; not the one that signs the repo. */
  readonly rotation: Signer;
  readonly logger: Logger;
}

/** Desired state of the DID. */
export interface PlcIdentity {
  /** Name of the DID in this store; the repo's is `hold`. */
  readonly name: string;
  /** The DID, if it exists already and was not created here. */
  readonly did: Did | undefined;
  /** did:key of the key that signs the repo. */
  readonly signingKey: string;
  /** Host name; included only when it is a valid handle. */
  readonly host: string;
  /** Origin of the PDS. */
  readonly pds: string;
  /** Further services by fragment, for example `#atcr_hold`. */
  readonly services: Readonly<Record<string, DidService>>;
}

/**
 * Creates the DID or updates it to `wanted`, and returns it. An existing DID is
 * also returned when the directory cannot be reached or refuses the update;
 * that is logged and retried at the next start. Throws AppError
 * `UPSTREAM_FAILED` when a new DID cannot be registered.
 */
export async function ensurePlcIdentity(
  deps: PlcDeps,
  wanted: PlcIdentity,
): Promise<Did> {
  if (wanted.did !== undefined) {
    await bestEffort(deps, wanted, wanted.did);
    return wanted.did;
  }
  const key = plcGenesisKey(wanted.name);
  // Stored before it is sent: an interrupted start must not create a second DID.
  if (await deps.kv.get(key) === undefined) {
    const genesis = await signOperation(
      operationOf(wanted, {
        rotationKeys: [deps.rotation.didKey],
        prev: null,
      }),
      deps.rotation,
    );
    await deps.kv.atomic().check(key, null)
      .set(key, { genesis, registered: false }).commit();
  }
  const row = await deps.kv.get<GenesisRow>(key);
  if (row === undefined) throw new Error("the genesis operation vanished");
  const { genesis, registered } = row.value;
  const did = didOfGenesis(genesis);
  if (registered) {
    await bestEffort(deps, wanted, did);
  } else {
    if (await lastOperation(deps, did) === undefined) {
      await send(deps, did, genesis);
    }
    await deps.kv.set(key, { genesis, registered: true });
    await update(deps, wanted, did);
  }
  return did;
}

/** The genesis operation of a DID created here. */
interface GenesisRow {
  readonly genesis: PlcOperation;
  /** Whether the directory has it. */
  readonly registered: boolean;
}

async function bestEffort(
  deps: PlcDeps,
  wanted: PlcIdentity,
  did: Did,
): Promise<void> {
  try {
    await update(deps, wanted, did);
  } catch (error) {
    deps.logger.warn("the did:plc of the hold could not be checked", {
      did,
      error,
    });
  }
}

/** Updates `did` in the directory if it differs from `wanted`. */
async function update(
  deps: PlcDeps,
  wanted: PlcIdentity,
  did: Did,
): Promise<void> {
  const last = await lastOperation(deps, did);
  if (last === undefined) {
    throw new AppError(
      "UPSTREAM_FAILED",
      `The directory ${deps.directory} does not know ${did}; look at the setting hold.did.`,
    );
  }
  const { sig: _, ...said } = last;
  const next = operationOf(wanted, { ...said, prev: operationCid(last) });
  if (isDeepStrictEqual({ ...next, prev: said.prev }, said)) return;
  await send(deps, did, await signOperation(next, deps.rotation));
  deps.logger.info("the did:plc of the hold was updated", { did });
}

/** Builds an operation with `wanted`, which keeps everything else of the last one. */
function operationOf(
  wanted: PlcIdentity,
  before: Partial<UnsignedPlcOperation> & {
    rotationKeys: string[];
    prev: string | null;
  },
): UnsignedPlcOperation {
  const services: Record<string, DidService> = {
    ...before.services,
    atproto_pds: { type: "AtprotoPersonalDataServer", endpoint: wanted.pds },
  };
  for (
    const [fragment, { type, endpoint }] of Object.entries(wanted.services)
  ) {
    services[fragment.replace("#", "")] = { type, endpoint };
  }
  const others = (before.alsoKnownAs ?? []).filter((name) =>
    !name.startsWith("at://")
  );
  const handle = isValidHandle(wanted.host) ? [`at://${wanted.host}`] : [];
  return {
    type: "plc_operation",
    rotationKeys: before.rotationKeys,
    verificationMethods: {
      ...before.verificationMethods,
      atproto: wanted.signingKey,
    },
    alsoKnownAs: [...handle, ...others],
    services,
    prev: before.prev,
  };
}

/** Returns the last operation of `did`, or undefined when the directory does not know it. */
async function lastOperation(
  { fetch, directory }: PlcDeps,
  did: Did,
): Promise<PlcOperation | undefined> {
  const response = await fetch(new URL(`/${did}/log/last`, directory), {});
  const text = await response.text();
  if (response.status === 404) return undefined;
  const parsed = plcOperation.safeParse(response.ok ? json(text) : undefined);
  if (parsed.success) return parsed.data;
  throw new AppError(
    "UPSTREAM_FAILED",
    `The directory ${directory} gives no usable answer for ${did}; was it given up?`,
  );
}

async function send(
  { fetch, directory }: PlcDeps,
  did: Did,
  operation: PlcOperation,
): Promise<void> {
  const response = await fetch(new URL(`/${did}`, directory), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  if (response.ok) return;
  throw new AppError(
    "UPSTREAM_FAILED",
    `The directory ${directory} refuses the operation on ${did} (${response.status}: ${
      text.slice(0, 200)
    }); the rotation key of this hold must be one of the DID's.`,
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Rejected by the schema too.
  }
}
