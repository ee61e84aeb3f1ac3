/**
 * Accounts whose repos may have manifests with blobs in this hold.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { HoldAccess } from "../access.ts";
import type { BlobUploaders } from "../blobs/uploaders.ts";
import type { HoldCrew } from "../crew.ts";
import { holdKeys } from "../kv_keys.ts";
import type { LayerIndex } from "../layers/layer_index.ts";

export interface ManifestOwnersDeps {
  kv: Kv;
  access: Pick<HoldAccess, "captain" | "write">;
  crew: Pick<HoldCrew, "list">;
  layers: Pick<LayerIndex, "owners">;
  uploaders: Pick<BlobUploaders, "accounts">;
}

/** Result of the last read of an owner's repo. */
export interface OwnerRead {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly ok: boolean;
}

/** An owner to read. */
export interface ManifestOwner {
  readonly did: Did;
  readonly mayPush: boolean;
  /** Undefined if it was not read within the last {@linkcode REMEMBER_MS}. */
  readonly last: OwnerRead | undefined;
}

/** How long the result of the last read is kept, in milliseconds. */
const REMEMBER_MS = 90 * 24 * 3_600_000;

/** Lists the owners. */
export class ManifestOwners {
  readonly #deps: ManifestOwnersDeps;

  constructor(deps: ManifestOwnersDeps) {
    this.#deps = deps;
  }

  /**
   * All accounts with a manifest here, accounts that uploaded a blob or may
   * need one, captain and crew. With `allowAllCrew` accounts push that have no
   * crew record.
   */
  async all(): Promise<ManifestOwner[]> {
    const { access, crew, layers, uploaders, kv } = this.#deps;
    const owners = new Set<Did>();
    for await (const owner of layers.owners()) owners.add(owner);
    for await (const account of uploaders.accounts()) owners.add(account);
    for await (const { member } of crew.list()) owners.add(member);
    const captain = await access.captain();
    if (captain) owners.add(captain.owner);
    const dids = [...owners];
    const reads = await kv.getMany<OwnerRead>(
      dids.map((did) => holdKeys.ownerRead(did)),
    );
    const found: ManifestOwner[] = [];
    for (const [i, did] of dids.entries()) {
      const mayPush = (await access.write(did)).allowed;
      found.push({ did, mayPush, last: reads[i]?.value });
    }
    return found;
  }

  /** Records the result of reading an owner's repo. */
  async remember(did: Did, last: OwnerRead): Promise<void> {
    const expiresAt = last.at + REMEMBER_MS;
    await this.#deps.kv.set(holdKeys.ownerRead(did), last, { expiresAt });
  }
}
