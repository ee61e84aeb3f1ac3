/**
 * `index rebuild`: makes what pages and search read again.
 *
 * @module
 */

import { AppError } from "../lib/errors.ts";
import { type Command, type CommandCall, flag } from "./command.ts";
import { interruptible } from "./store/interrupt.ts";
import { withContext } from "./open_context.ts";

/** Commands about the index. */
export const INDEX_COMMANDS: readonly Command[] = [
  {
    name: "index rebuild",
    synopsis: "[--restart]",
    doc:
      "make the index of pages and search again from manifests, tags and PDSes; may run beside the server, and goes on where it was stopped",
    options: { restart: flag("begin again instead of going on") },
    run: rebuild,
  },
];

async function rebuild(call: CommandCall): Promise<number> {
  return await withContext(call.config(), async ({ index }) => {
    if (!index) {
      throw new AppError(
        "INVALID_REQUEST",
        "No registry runs under this configuration: server.roles does not name it.",
      );
    }
    return await interruptible(call, async (signal) => {
      call.progress.begin("owners");
      const { owners, unlisted, removed } = await index.rebuild.run({
        restart: call.options.has("restart"),
        signal,
        progress: ({ owners }) => call.progress.at(owners),
      });
      call.print(
        `${owners} owners done, ${removed} rows removed that nothing stood behind.`,
      );
      if (unlisted === 0) return 0;
      call.print(
        `${unlisted} owners could not be listed: of them nothing was taken away. Run it again later.`,
      );
      return 1;
    });
  });
}
