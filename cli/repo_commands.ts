/**
 * `repo export` and `repo import`: the hold's records as CAR files.
 *
 * @module
 */

import { AppError } from "../lib/errors.ts";
import { isCaptainsWrite } from "../lib/hold/captain_records.ts";
import { importCar } from "../lib/repo/car/car_import.ts";
import type { Command, CommandCall } from "./command.ts";
import { withHold } from "./open_context.ts";

/** Commands about the hold's repo. */
export const REPO_COMMANDS: readonly Command[] = [
  {
    name: "repo export",
    synopsis: "> FILE.car",
    doc: "write all records of the hold as a CAR",
    run: exportRepo,
  },
  {
    name: "repo import",
    synopsis: "FILE.car ...",
    doc: "put the records of CARs into the hold; what else is there stays",
    operands: [1, Infinity],
    run: importRepo,
  },
];

async function exportRepo(call: CommandCall): Promise<void> {
  if (call.isTerminal) {
    throw new AppError(
      "INVALID_REQUEST",
      "Refusing to write a CAR to the terminal; redirect it: repo export > hold.car",
    );
  }
  await withHold(call.config(), async ({ hold }) => {
    let bytes = 0;
    call.progress.begin("bytes");
    for await (const piece of await hold.repo.car.export()) {
      await call.write(piece);
      bytes += piece.length;
      call.progress.at(bytes);
    }
  });
}

async function importRepo(call: CommandCall): Promise<number> {
  return await withHold(call.config(), async ({ hold }) => {
    let refusals = 0;
    const owner = (await hold.access.captain())?.owner;
    try {
      for (const path of call.operands) {
        const { records, refused, kept } = await importCar(
          hold.repo,
          await openFile(path),
          {
            keep: (write) =>
              owner !== undefined && isCaptainsWrite(owner, write)
                ? `the captain of this hold is ${owner}; change hold.owner instead`
                : undefined,
          },
        );
        for (const { path, reason } of kept) {
          call.print(`kept as it is: ${path}: ${reason}`);
        }
        for (const { path, reason } of refused) {
          call.print(`refused: ${path}: ${reason}`);
        }
        call.print(`${path}: ${records} records are in the hold.`);
        refusals += refused.length;
      }
    } finally {
      // Quotas use an index over the records.
      await hold.layerRecords.repair();
    }
    return refusals === 0 ? 0 : 1;
  });
}

async function openFile(path: string): Promise<ReadableStream<Uint8Array>> {
  try {
    return (await Deno.open(path)).readable;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError("INVALID_REQUEST", `${path} cannot be read: ${reason}`, {
      cause,
    });
  }
}
