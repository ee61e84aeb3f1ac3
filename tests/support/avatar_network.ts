/**
 * A simulated network of accounts with pictures: identities and records for the
 * avatar service.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";
import type { Did } from "../../lib/did.ts";
import type {
  Identity,
  IdentityResolver,
} from "../../lib/atproto/identity/identity.ts";
import type { PdsReader, RepoRecord } from "../../lib/atproto/pds/pds.ts";
import { AppError } from "../../lib/errors.ts";

const RAW = 0x55;
const SHA256 = 0x12;

/** The CID of a blob with these bytes. */
export function blobCid(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(bytes).digest();
  return CID.createV1(RAW, Digest.create(SHA256, hash)).toString();
}

/** Accounts of one PDS; all queries are counted. */
export class FakeNetwork {
  readonly pdsUrl = "https://pds.example.com";
  /** Number of queries of each kind. */
  readonly asked = { identity: 0, record: 0, collections: 0, blob: 0 };
  /** Maximum wait for a fresh identity of the last caller, in milliseconds. */
  patienceMs: number | undefined;
  /** Identities whose cache entry was removed. */
  readonly forgotten: Did[] = [];
  /** If set, every query to the PDS fails with it. */
  down: AppError | undefined;
  /** If set, every query to the PDS waits for it. */
  gate: Promise<void> | undefined;
  readonly #accounts = new Map<Did, Identity>();
  /** Identifiers resolved before. */
  readonly #resolved = new Set<string>();
  readonly #records = new Map<string, Record<string, unknown>>();
  readonly #blobs = new Map<string, Uint8Array>();

  /** Adds an account, without a picture. */
  addAccount(did: Did, handle: string): void {
    this.#accounts.set(did, {
      did,
      handle,
      pds: this.pdsUrl,
      signingKey: undefined,
      services: {},
    });
  }

  /** Deletes an account. */
  removeAccount(did: Did): void {
    this.#accounts.delete(did);
  }

  /** Uploads a picture and names it in a profile record; returns its CID. */
  setPicture(
    did: Did,
    bytes: Uint8Array,
    options: {
      collection?: string;
      kind?: "avatar" | "banner";
      mimeType?: string;
    } = {},
  ): string {
    const {
      collection = "app.bsky.actor.profile",
      kind = "avatar",
      mimeType = "image/jpeg",
    } = options;
    const cid = blobCid(bytes);
    const key = `${did}/${collection}`;
    this.#blobs.set(cid, bytes);
    this.#records.set(key, {
      ...this.#records.get(key),
      $type: collection,
      [kind]: {
        $type: "blob",
        ref: { $link: cid },
        mimeType,
        size: bytes.length,
      },
    });
    return cid;
  }

  /** Replaces a whole profile record. */
  setRecord(
    did: Did,
    collection: string,
    value: Record<string, unknown> | undefined,
  ): void {
    const key = `${did}/${collection}`;
    if (value === undefined) this.#records.delete(key);
    else this.#records.set(key, value);
  }

  readonly identities: IdentityResolver = {
    resolve: async (identifier, { beforeAsking, patienceMs } = {}) => {
      this.asked.identity++;
      this.patienceMs = patienceMs;
      if (!this.#resolved.has(identifier)) await beforeAsking?.();
      this.#resolved.add(identifier);
      const found = [...this.#accounts.values()].find(({ did, handle }) =>
        did === identifier || handle === identifier
      );
      if (found) return found;
      const isDid = identifier.startsWith("did:");
      throw new AppError("NAME_UNKNOWN", `There is no account ${identifier}.`, {
        detail: isDid ? { did: identifier } : { handle: identifier },
      });
    },
    forget: (did) => {
      this.forgotten.push(did);
      return Promise.resolve();
    },
  };

  readonly pds: PdsReader = {
    getRecord: async (_pds, did, collection, rkey) => {
      this.asked.record++;
      await this.#reach();
      const value = this.#records.get(`${did}/${collection}`);
      const uri = `at://${did}/${collection}/${rkey}`;
      return value && { uri, cid: "", value } satisfies RepoRecord;
    },
    listRecords: () => Promise.resolve({ records: [], cursor: undefined }),
    hasRepo: () => Promise.resolve(true),
    listCollections: async (_pds, did) => {
      this.asked.collections++;
      await this.#reach();
      return [...this.#records.keys()].filter((key) => key.startsWith(did))
        .map((key) => key.slice(did.length + 1));
    },
    getBlob: async (_pds, _did, cid) => {
      this.asked.blob++;
      await this.#reach();
      const bytes = this.#blobs.get(cid);
      return bytes && { bytes, mimeType: "application/octet-stream" };
    },
  };

  async #reach(): Promise<void> {
    await this.gate;
    if (this.down !== undefined) throw this.down;
  }
}
