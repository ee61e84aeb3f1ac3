/**
 * `kv copy`, `kv migrate` and `read-only`: the key-value store as a whole.
 *
 * @module
 */

import { systemClock } from "../../lib/clock.ts";
import { openConfiguredKv, openKvAt } from "../../lib/context/storage.ts";
import { AppError } from "../../lib/errors.ts";
import { copyStore } from "../../lib/kv/copying/copy.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import { setReadOnly } from "../../lib/kv/operating/read_only.ts";
import {
  migrate,
  SCHEMA_VERSION,
} from "../../lib/kv/operating/schema_version.ts";
import type { Command, CommandCall } from "../command.ts";
import { interruptible } from "./interrupt.ts";

/** Commands about the key-value store. */
export const KV_COMMANDS: readonly Command[] = [
  {
    name: "kv copy",
    synopsis: "FROM TO",
    doc:
      "copy the key-value store into an empty one of any kind, written as in kv.url; stop all servers first; goes on where it was stopped",
    operands: [2, 2],
    run: copy,
  },
  {
    name: "kv migrate",
    doc:
      "bring the rows to the version of this program, as the start does; for a step before a deployment",
    run: migrateRows,
  },
  {
    name: "read-only",
    synopsis: "on|off",
    doc:
      "let clients only read, on all instances within five seconds, or end that",
    operands: [1, 1],
    run: readOnly,
  },
];

async function migrateRows(call: CommandCall): Promise<void> {
  await withKv(call, async (kv) => {
    const before = await migrate(kv, systemClock);
    call.print(
      before === SCHEMA_VERSION
        ? `The rows have the schema ${SCHEMA_VERSION} of this program.`
        : `Migrated the rows from schema ${before} to ${SCHEMA_VERSION}.`,
    );
  });
}

async function readOnly(call: CommandCall): Promise<void> {
  const [state] = call.operands;
  if (state !== "on" && state !== "off") {
    throw new AppError("INVALID_REQUEST", "Usage: read-only on|off");
  }
  await withKv(call, async (kv) => {
    await setReadOnly(kv, systemClock, state === "on");
    call.print(
      state === "on"
        ? "Within five seconds clients can only read. read-only off ends that."
        : "Within five seconds clients can write again.",
    );
  });
}

/** Opens the configured store alone. */
async function withKv(
  call: CommandCall,
  work: (kv: Kv) => Promise<void>,
): Promise<void> {
  const kv = await openConfiguredKv(call.config());
  try {
    await work(kv);
  } finally {
    kv.close();
  }
}

async function copy(call: CommandCall): Promise<number> {
  const [source = "", target = ""] = call.operands;
  await requireExists(source);
  const from = await openKvAt(source);
  let to: Kv | undefined;
  try {
    to = await openKvAt(target);
    return await copyWithProgress(call, from, to);
  } finally {
    from.close();
    to?.close();
  }
}

async function copyWithProgress(
  call: CommandCall,
  from: Kv,
  to: Kv,
): Promise<number> {
  call.progress.begin("rows");
  return await interruptible(call, async (signal) => {
    const { rows, bytes } = await copyStore(from, to, {
      signal,
      progress: ({ rows }) => call.progress.at(rows),
    });
    call.print(
      `Copied ${rows} rows, ${
        megabytes(bytes)
      } MB. Set kv.url to the new store and start the servers.`,
    );
    return 0;
  });
}

/** A file that is missing would be created empty. */
async function requireExists(location: string): Promise<void> {
  if (/^(:memory:$|[a-z]+:\/\/)/.test(location)) return;
  const isThere = await Deno.stat(location).then(() => true, () => false);
  if (isThere) return;
  throw new AppError("INVALID_REQUEST", `${location} does not exist.`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
