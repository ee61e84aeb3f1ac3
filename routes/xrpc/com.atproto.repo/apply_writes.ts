/**
 * `com.atproto.repo.applyWrites`.
 *
 * @module
 */

import type { Input } from "../../../lib/atproto/lexicon/methods.ts";
import { MAX_WRITES } from "../../../lib/atproto/pds/pds.ts";
import type { WriteResult } from "../../../lib/repo/types.ts";
import type { RepoWrite } from "../../../lib/repo/writes.ts";
import { method } from "../mount.ts";
import { requireAtMost } from "../refusals.ts";
import {
  applyTo,
  committed,
  placeOf,
  repoAdmins,
  type RepoWriteDeps,
} from "./writes.ts";

const NSID = "com.atproto.repo.applyWrites";

type Write = Input<typeof NSID>["writes"][number];

/** Writes records in one commit. */
export function applyWrites(deps: RepoWriteDeps) {
  return method(NSID, {
    authorize: repoAdmins(deps),
    async handle({ input, caller }) {
      const { writes } = input;
      requireAtMost(MAX_WRITES, writes, "writes");
      const done = await applyTo(deps, input, caller, writes.map(repoWrite));
      return {
        ...committed(done),
        results: done.results.map((result, i) => resultOf(writes[i], result)),
      };
    },
  });
}

function repoWrite(write: Write): RepoWrite {
  const { collection } = write;
  switch (write.$type) {
    case `${NSID}#create`: {
      const { $type: _, ...rest } = write;
      return { action: "create", ...rest };
    }
    case `${NSID}#update`: {
      const { rkey, value } = write;
      return { action: "update", collection, rkey, value };
    }
    case `${NSID}#delete`:
      return { action: "delete", collection, rkey: write.rkey };
  }
}

function resultOf(write: Write | undefined, result: WriteResult) {
  switch (write?.$type) {
    case `${NSID}#create`:
      return { $type: `${NSID}#createResult`, ...placeOf(result) } as const;
    case `${NSID}#update`:
      return { $type: `${NSID}#updateResult`, ...placeOf(result) } as const;
    default:
      return { $type: `${NSID}#deleteResult` } as const;
  }
}
