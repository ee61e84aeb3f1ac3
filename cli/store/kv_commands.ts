/**
 * `kv copy`: moves the key-value store.
 *
 * @module
 */

import { openKvAt } from "../../lib/context/storage.ts";
import { AppError } from "../../lib/errors.ts";
import { copyStore } from "../../lib/kv/copying/copy.ts";
import type { Kv } from "../../lib/kv/kv.ts";
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
];

/** Rows between two lines of progress. */
const STEP = 10_000;

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
  let said = 0;
  return await interruptible(call, async (signal) => {
    const { rows, bytes } = await copyStore(from, to, {
      signal,
      progress: ({ rows, bytes }) => {
        if (rows - said < STEP) return;
        said = rows;
        call.print(`${rows} rows, ${megabytes(bytes)} MB`);
      },
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
