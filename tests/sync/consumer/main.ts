/**
 * The network's own consumer of a firehose, `@atproto/sync`, with
 * authentication on: every commit's signature and every operation's proof is
 * checked against the DID document.
 *
 * Arguments: origin of the event stream (`ws://…`), origin of the PLC
 * directory. For each line on standard input a line with what it has seen so
 * far; ends with the input.
 *
 * @module
 */

import { IdResolver } from "@atproto/identity";
import {
  type Event,
  Firehose,
  FirehoseSubscriptionError,
  MemoryRunner,
} from "@atproto/sync";

const [service = "", plcUrl = ""] = Deno.args;

/** The repo as the events tell it: path to CID. */
const records: Record<string, string> = {};
const counts: Record<string, number> = {};
const errors: string[] = [];
let disconnects = 0;

function take(event: Event): void {
  counts[event.event] = (counts[event.event] ?? 0) + 1;
  if (!("collection" in event)) return;
  const path = `${event.collection}/${event.rkey}`;
  if (event.event === "delete") delete records[path];
  else records[path] = event.cid.toString();
}

const runner = new MemoryRunner({ startCursor: 0 });
const firehose = new Firehose({
  service,
  runner,
  idResolver: new IdResolver({ plcUrl, fetch: globalThis.fetch }),
  handleEvent: take,
  onError: (error) => {
    if (error instanceof FirehoseSubscriptionError) disconnects++;
    else errors.push(`${error.name}: ${error.message} ${error.cause ?? ""}`);
  },
  subscriptionReconnectDelay: 200,
});
const running = firehose.start();

for await (
  const _ of Deno.stdin.readable.pipeThrough(new TextDecoderStream())
) {
  const report = {
    cursor: runner.getCursor() ?? 0,
    records,
    counts,
    errors,
    disconnects,
  };
  await Deno.stdout.write(
    new TextEncoder().encode(`${JSON.stringify(report)}\n`),
  );
}
await firehose.destroy();
await running;
