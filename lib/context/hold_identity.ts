/**
 * The identity of the hold: its DID, the key that signs its repo, and its DID
 * document.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type { Config } from "../config/config.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import {
  type DidDocument,
  didDocument,
} from "../repo/identity/did_document.ts";
import { ensurePlcIdentity } from "../repo/identity/plc_identity.ts";
import { type KeyBox, loadSigningKey } from "../repo/identity/signing_key.ts";
import type { Signer } from "../repo/identity/signer.ts";

export interface HoldIdentityDeps {
  config: Config;
  kv: Kv;
  log: Logger;
  box: KeyBox;
  fetch: GuardedFetch;
  /** Origin of the directory of did:plc identities. */
  plcDirectory: string;
}

/** The identity of the hold. */
export interface HoldIdentity {
  readonly did: Did;
  readonly signer: Signer;
  readonly document: DidDocument;
}

/** Name of the one did:plc that a store can hold, and of its keys. */
const PLC_NAME = "hold";

/** Timeout and maximum size of a response of the directory. */
const PLC_LIMITS = { timeoutMs: 10_000, maxBytes: 256 * 1024 };

/**
 * Opens the identity given by the configuration. A did:plc is taken from the
 * configuration, else from the store, else created; its entry in the directory
 * is updated to the current key and address. Throws AppError `UPSTREAM_FAILED`
 * or `UPSTREAM_TIMEOUT` when a new one cannot be registered.
 */
export async function openHoldIdentity(
  deps: HoldIdentityDeps,
): Promise<HoldIdentity> {
  const { config, kv, box, log, fetch } = deps;
  const { public_url: pds, did_method, did: configured } = config.hold;
  const { host } = new URL(pds);
  const services = {
    "#atcr_hold": { type: "AtcrHoldService", endpoint: pds },
    "#bsky_fg": { type: "BskyFeedGenerator", endpoint: pds },
  };
  const identity = (did: Did, signer: Signer): HoldIdentity => ({
    did,
    signer,
    document: didDocument({
      did,
      host,
      signingKey: signer.didKey,
      pds,
      services,
    }),
  });
  if (did_method === "web") {
    if (configured === undefined) {
      throw new AppError("UNAVAILABLE", "Set hold.did or hold.public_url.");
    }
    return identity(configured, await loadSigningKey(kv, box, configured));
  }
  const signer = await loadSigningKey(kv, box, PLC_NAME);
  const did = await ensurePlcIdentity({
    kv,
    fetch: (url, init) => fetch(url, { ...init, ...PLC_LIMITS }),
    directory: deps.plcDirectory,
    rotation: await loadSigningKey(kv, box, `${PLC_NAME} rotation`),
    logger: log,
  }, {
    name: PLC_NAME,
    did: configured,
    signingKey: signer.didKey,
    host,
    pds,
    services,
  });
  return identity(did, signer);
}
