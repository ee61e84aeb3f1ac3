/**
 * The contract of blob store drivers.
 *
 * @module
 */

import type { BlobStore } from "../../lib/storage/blob_store.ts";
import { objectContract } from "./blob_objects.ts";
import { partsContract } from "./blob_parts.ts";

/** A store under test. */
export interface Subject {
  store: BlobStore;
  /** A second driver on the same data, like that of another instance. */
  another(): BlobStore;
  close(): Promise<void>;
}

/** How a driver is tested. */
export interface ContractOptions {
  /** Named in front of every test. */
  name: string;
  open(): Promise<Subject>;
  /** Skips everything, for example because no server was named. */
  ignore?: boolean;
  /** Runs of the property test. */
  runs?: number;
}

/** Declares a test with a store that is empty and closed behind it. */
export type DeclareTest = (
  sentence: string,
  run: (subject: Subject, store: BlobStore) => Promise<void>,
) => void;

/** Declares the tests of the contract for one driver. */
export function blobStoreContract(options: ContractOptions): void {
  const { name, open, ignore = false, runs = 60 } = options;
  const test: DeclareTest = (sentence, run) =>
    Deno.test({
      name: `${name}: ${sentence}`,
      ignore,
      fn: async () => {
        const subject = await open();
        try {
          await run(subject, subject.store);
        } finally {
          await subject.close();
        }
      },
    });

  objectContract(test);
  partsContract(test, runs);
}
