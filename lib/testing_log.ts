/**
 * A logger for tests that do not look at the log.
 *
 * @module
 */

import { createLogger, type Logger } from "./log.ts";

/** A logger that drops everything. */
export const silentLogger: Logger = createLogger({
  level: "error",
  write: () => {},
});
