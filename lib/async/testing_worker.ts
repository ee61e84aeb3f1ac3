/**
 * A worker that attempts everything a worker without permissions must not be
 * able to do.
 *
 * @module
 */

import process from "node:process";

/** The attempts, keyed by permission name. */
const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  read: () => Deno.readTextFileSync(new URL(import.meta.url)),
  write: () => Deno.makeTempFileSync(),
  net: () => Deno.listen({ port: 0, hostname: "127.0.0.1" }),
  env: () => process.env["PATH"] ?? Deno.env.get("PATH"),
  run: () => new Deno.Command(Deno.execPath(), { args: ["-V"] }).outputSync(),
  sys: () => Deno.osRelease(),
};

const done = Object.entries(ATTEMPTS).flatMap(([name, attempt]) => {
  try {
    attempt();
    return name;
  } catch {
    return [];
  }
});
(globalThis as unknown as { postMessage(message: unknown): void }).postMessage(
  done,
);
