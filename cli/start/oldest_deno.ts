/**
 * The oldest Deno on which the program runs, and what is added to it.
 *
 * @module
 */

import workerThreads from "node:worker_threads";

/** Tested by `deno task test:oldest`. */
const OLDEST_DENO = "2.5.0";

/** The oldest that the sandbox network can be started with. */
export const OLDEST_SANDBOX_DENO = "2.9.0";

/**
 * Returns a sentence for an operator whose Deno, of the version `version`, is
 * older than `oldest`, which `what` needs; undefined when it is not.
 */
export function refusalOfDeno(
  version: string,
  what = "ATCR",
  oldest = OLDEST_DENO,
): string | undefined {
  const parts = numbersOf(version);
  const [difference = 0] = numbersOf(oldest)
    .map((one, i) => (parts[i] ?? 0) - one)
    .filter((one) => one !== 0);
  if (difference >= 0) return undefined;
  return `This is Deno ${version}, and ${what} needs Deno ${oldest} or newer. ` +
    'Run "deno upgrade".';
}

/** The oldest whose server keeps the limits on connections; see `routes/server/serve.ts`. */
const LIMITING_DENO = "2.8.0";

/**
 * Returns a warning for an operator whose Deno, of the version `version`, does
 * not limit connections; undefined when it does.
 */
export function adviceOfDeno(version: string): string | undefined {
  const older = refusalOfDeno(
    version,
    "every limit on connections, idle clients and slow request heads",
    LIMITING_DENO,
  );
  return older &&
    `${older} Until then let a proxy in front of the program set these limits.`;
}

/** Major, minor and patch of a version. */
function numbersOf(version: string): number[] {
  return version.split(/[.+-]/).slice(0, 3).map(Number);
}

/**
 * Adds what a supported Deno is missing; has to run before packages are
 * loaded. The OAuth client loads undici, which marks its objects as
 * uncloneable and fails where Node's function for that is missing. We never
 * clone them, so nothing has to be marked.
 */
export function completeRuntime(): void {
  const node: { markAsUncloneable?: (value: object) => void } = workerThreads;
  node.markAsUncloneable ??= () => {};
}
