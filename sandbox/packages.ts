/**
 * Installs the packages of the sandbox network into `node_modules` beside this
 * file, once; later starts neither write there nor use the network.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { AppError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { lines } from "./lines.ts";

/** The folder of the sandbox, with its own deno.json. */
export const SANDBOX_DIR = fileURLToPath(new URL(".", import.meta.url));

const MODULES = `${SANDBOX_DIR}node_modules`;
// Holds the digest of the lock file that node_modules was installed from.
const STAMP = `${MODULES}/.sandbox-stamp`;
const LOCK = `${MODULES}/.sandbox-lock`;
const LOCK_POLL_MS = 100;
/** Downloading about 280 packages takes a minute on a slow line. */
const INSTALL_LIMIT_MS = 600_000;
const PROGRESS_EVERY_MS = 5_000;
const KEPT_LINES = 5;

/**
 * Ensures that the packages are installed. Concurrent processes wait for the
 * one that installs.
 *
 * @throws {AppError} UNAVAILABLE when they can neither be downloaded nor taken
 * from Deno's cache, or `node_modules` cannot be written.
 */
export async function ensurePackages(
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const stamp = await wantedStamp();
  if (await presentStamp() === stamp) return;
  const limit = AbortSignal.timeout(INSTALL_LIMIT_MS);
  try {
    const either = AbortSignal.any([signal, limit]);
    using _lock = await takeLock(either);
    if (await presentStamp() === stamp) return;
    await install(log, either);
    await Deno.writeTextFile(STAMP, stamp);
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new AppError(
      "UNAVAILABLE",
      "The packages of the sandbox network were not installed after " +
        `${
          INSTALL_LIMIT_MS / 60_000
        } minutes. Try again on a faster line, or ` +
        "start without the sandbox network (ATCR_SANDBOX=off).",
    );
  }
}

async function wantedStamp(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["deno.json", "deno.lock"]) {
    hash.update(await Deno.readFile(SANDBOX_DIR + name));
  }
  return hash.digest("hex");
}

async function presentStamp(): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(STAMP);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function takeLock(signal: AbortSignal): Promise<Deno.FsFile> {
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(MODULES, { recursive: true });
    file = await Deno.open(LOCK, { write: true, create: true });
  } catch (cause) {
    throw new AppError(
      "UNAVAILABLE",
      `The packages of the sandbox network cannot be installed, because ` +
        `${MODULES} cannot be written. Make the checkout writable for one ` +
        "start, or start without the sandbox network (ATCR_SANDBOX=off).",
      { cause },
    );
  }
  try {
    while (!await file.tryLock(true)) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Runs `deno install`, which uses its cache. */
async function install(log: Logger, signal: AbortSignal): Promise<void> {
  log.info("installing the packages of the sandbox network");
  const started = Date.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["install", "--frozen"],
    cwd: SANDBOX_DIR,
    // The rest of the environment is kept: proxies, certificates, registries.
    // No package code runs here.
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal,
  }).spawn();
  let downloads = 0;
  const fields = () => ({
    downloads,
    seconds: Math.round((Date.now() - started) / 1000),
  });
  const progress = setInterval(
    () => log.info("installing the packages of the sandbox network", fields()),
    PROGRESS_EVERY_MS,
  );
  const said: string[] = [];
  try {
    for await (const line of lines(child.stderr)) {
      if (line.startsWith("Download ")) downloads++;
      else if (line.trim() !== "") said.push(line);
    }
  } finally {
    clearInterval(progress);
  }
  const { success } = await child.status;
  signal.throwIfAborted();
  if (success) {
    log.info("installed the packages of the sandbox network", fields());
    return;
  }
  const start = said.findIndex((line) => line.startsWith("error"));
  const reason = said.slice(start).slice(0, KEPT_LINES).join(" ");
  throw new AppError(
    "UNAVAILABLE",
    "The packages of the sandbox network could not be installed. Connect to " +
      "the network for the first start, or start without the sandbox network " +
      `(ATCR_SANDBOX=off). Deno says: ${reason}`,
  );
}
