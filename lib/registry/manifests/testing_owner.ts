/**
 * An owner's repo in memory, with the session that writes to it, for tests.
 *
 * @module
 */

import type {
  PdsReader,
  PdsSession,
  RepoRecord,
  RepoWrite,
  WriteBudget,
} from "../../atproto/pds/pds.ts";
import { ALICE } from "../../hold/testing.ts";
import type { Hosting } from "../../atproto/hosting/hosting.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { LargeValues } from "../../kv/large_value.ts";
import { WriteLeases } from "../write_leases.ts";
import { ManifestContent } from "./content.ts";
import {
  GoneManifests,
  type GoneManifestsDeps,
} from "../lists/gone_manifests.ts";
import { AppError } from "../../errors.ts";
import { silentLogger } from "../../testing_log.ts";

/** Manifest content with a configurable cache size. */
export function testContent(
  kv: Kv,
  clock: Clock,
  maxCachedBytes = 100_000_000,
): ManifestContent {
  const values = new LargeValues(kv, clock);
  return new ManifestContent({
    ...{ kv, clock, values, maxCachedBytes },
    watch: { log: silentLogger, damaged() {} },
  });
}

/** Removes manifests whose records were deleted, with leases of its own. */
export function testGone(
  { clock, ...parts }:
    & Omit<GoneManifestsDeps, "leases" | "log">
    & { clock: Clock },
): GoneManifests {
  const leases = new WriteLeases(parts.kv, clock);
  return new GoneManifests({ ...parts, leases, log: silentLogger });
}

/** An active account that has not moved. */
export const SHOWN: Pick<Hosting, "find" | "isAt" | "moved"> = {
  find: () => Promise.resolve(undefined),
  moved: () => Promise.resolve(undefined),
  isAt: () => Promise.resolve(true),
};

const unused = () => Promise.reject(new Error("not used"));

/** The repo of ALICE. Lists are in descending key order, like those of the reference PDS. */
export class OwnerRepo {
  readonly pds = "https://pds.example";
  /** Values by `<collection>/<rkey>`. */
  readonly records = new Map<string, Record<string, unknown>>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly blobsRead: string[] = [];
  /** Calls that read records. */
  reads = 0;
  /** Commits with the number of their writes. */
  readonly commits: number[] = [];
  /** Write quota reported by the session. */
  budget: WriteBudget | undefined;
  /** Runs after each record was read, before it is returned. */
  afterGet: () => Promise<void> = () => Promise.resolve();
  /** Runs before each page of a list. */
  beforeList: () => Promise<void> = () => Promise.resolve();
  /** Runs before each commit; its errors are passed on. */
  before: () => Promise<void> = () => Promise.resolve();

  /** The keys of a collection. */
  rkeys(collection: string): string[] {
    const prefix = `${collection}/`;
    return [...this.records.keys()].filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length)).sort();
  }

  get reader(): PdsReader {
    return {
      getRecord: async (_pds, _did, collection, rkey) => {
        this.reads++;
        const found = this.#record(collection, rkey);
        await this.afterGet();
        return found;
      },
      listRecords: async (
        _pds,
        _did,
        collection,
        { limit = 100, cursor } = {},
      ) => {
        this.reads++;
        await this.beforeList();
        const rkeys = this.rkeys(collection).reverse()
          .filter((rkey) => cursor === undefined || rkey < cursor)
          .slice(0, limit);
        const records = rkeys.flatMap((rkey) =>
          this.#record(collection, rkey) ?? []
        );
        return { records, cursor: rkeys.at(-1) };
      },
      listCollections: unused,
      hasRepo: unused,
      getBlob: (_pds, _did, cid) => {
        this.blobsRead.push(cid);
        const bytes = this.blobs.get(cid);
        return Promise.resolve(bytes && { bytes, mimeType: "" });
      },
    };
  }

  get session(): PdsSession {
    const budget = () => this.budget;
    return {
      did: ALICE,
      pds: this.pds,
      get writeBudget() {
        return budget();
      },
      applyWrites: (writes) => this.#apply(writes),
      deleteRecord: async (collection, rkey) => {
        const key = `${collection}/${rkey}`;
        if (!this.records.has(key)) return;
        await this.#apply([{ action: "delete", collection, rkey }]);
      },
      putRecord: async (collection, rkey, value) => {
        await this.before();
        this.records.set(`${collection}/${rkey}`, value);
        return { uri: `at://${ALICE}/${collection}/${rkey}`, cid: "" };
      },
      uploadBlob: (bytes, mimeType) =>
        Promise.resolve({
          $type: "blob",
          ref: {
            $link:
              "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
          },
          mimeType,
          size: bytes.length,
        }),
      serviceToken: unused,
    };
  }

  #record(collection: string, rkey: string): RepoRecord | undefined {
    const value = this.records.get(`${collection}/${rkey}`);
    const uri = `at://${ALICE}/${collection}/${rkey}`;
    return value && { uri, cid: "", value };
  }

  async #apply(writes: readonly RepoWrite[]): Promise<[]> {
    await this.before();
    for (const { action, collection, rkey } of writes) {
      const isThere = this.records.has(`${collection}/${rkey}`);
      if (isThere === (action !== "create")) continue;
      throw new AppError("CONFLICT", `Wrong ${action} of ${rkey}.`);
    }
    for (const write of writes) {
      const key = `${write.collection}/${write.rkey}`;
      if (write.action === "delete") this.records.delete(key);
      else this.records.set(key, write.value);
    }
    this.commits.push(writes.length);
    return [];
  }
}
