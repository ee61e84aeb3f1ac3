/**
 * Where the server's log lines go: standard error, and a log service where one
 * is configured.
 *
 * @module
 */

import * as platform from "node:console";
import { systemClock } from "../lib/clock.ts";
import type { Config } from "../lib/config/config.ts";
import { createLogger, type Logger } from "../lib/log.ts";
import { LogShipper } from "../lib/log_shipper/shipper.ts";
import type { Tracing } from "../lib/tracing.ts";
import { type LineSink, LineWriter } from "./line_writer.ts";
import { operatorFetch } from "./operator_fetch.ts";

/** The log of a running server. */
export interface ServerLog {
  readonly log: Logger;
  /** The sender to a log service. */
  readonly shipper: LogShipper | undefined;
  /** Writes buffered lines to standard error. */
  flush(): void;
}

/** Opens the log; call `shipper.stop` and `flush` before the process exits. */
export function openLog(
  config: Config,
  tracing?: Tracing | undefined,
): ServerLog {
  const lines = new LineWriter(config.deploy ? consoleSink : Deno.stderr);
  const shipper = createShipper(config, (arrives, reason) => {
    if (arrives) log.info("log service takes lines again");
    else log.warn("log service does not take lines", { reason });
  });
  const log = createLogger({
    level: config.log_level,
    active: tracing && (() => tracing.fields()),
    write: (line) => {
      lines.write(line);
      shipper?.add(line);
    },
  });
  shipper?.start();
  return { log, shipper, flush: () => lines.flush() };
}

/** Deno Deploy takes only what goes through the console for a log. */
const consoleSink: LineSink = {
  writeSync: (bytes) => {
    platform.error(new TextDecoder().decode(bytes).trimEnd());
    return bytes.length;
  },
};

function createShipper(
  { log_shipper }: Config,
  onChange: (arrives: boolean, reason: string) => void,
): LogShipper | undefined {
  const { backend, url, username, password } = log_shipper;
  if (backend === undefined || url === undefined) return undefined;
  return new LogShipper({
    backend,
    url,
    batchSize: log_shipper.batch_size,
    flushMs: log_shipper.flush_interval * 1000,
    username,
    password,
  }, { fetch: operatorFetch, clock: systemClock, onChange });
}
