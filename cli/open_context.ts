/**
 * Opens the program's context for commands, which serve no requests and may run
 * beside the server.
 *
 * @module
 */

import { type Did, parseDid } from "../lib/did.ts";
import type { Config } from "../lib/config/config.ts";
import { type AppContext, createContext } from "../lib/context.ts";
import { AppError } from "../lib/errors.ts";
import { createLogger, type Logger } from "../lib/log.ts";
import type { SandboxNetwork } from "../lib/context/network.ts";

/** A context with a hold. */
export type HoldAppContext = AppContext & {
  readonly hold: NonNullable<AppContext["hold"]>;
};

/** Opens the context of `config` for `work` and closes it again. */
export async function withContext<T>(
  config: Config,
  work: (ctx: AppContext) => Promise<T>,
): Promise<T> {
  const sandbox = sandboxOf(config);
  const ctx = await createContext(
    config,
    commandLog(),
    sandbox ? { sandbox } : {},
  );
  try {
    return await work(ctx);
  } finally {
    ctx.close();
  }
}

/** Like {@linkcode withContext}. Throws AppError `INVALID_REQUEST` if no hold is configured. */
export async function withHold<T>(
  config: Config,
  work: (ctx: HoldAppContext) => Promise<T>,
): Promise<T> {
  return await withContext(config, async (ctx) => {
    const { hold } = ctx;
    if (hold) return await work({ ...ctx, hold });
    throw new AppError(
      "INVALID_REQUEST",
      "No hold runs under this configuration: server.roles does not name it.",
    );
  });
}

/**
 * Resolves a handle to a DID; a DID is returned unchecked, so that deleted
 * accounts can be named.
 */
export async function didOf(
  { identities }: AppContext,
  who: string,
): Promise<Did> {
  return parseDid(who) ?? (await identities.resolve(who)).did;
}

/** The sandbox network of the server that runs beside the command. */
export function sandboxOf({ sandbox }: Config): SandboxNetwork | undefined {
  if (!sandbox.enabled) return undefined;
  return {
    pds: `http://localhost:${sandbox.pds_port}`,
    plc: `http://localhost:${sandbox.plc_port}`,
  };
}

function commandLog(): Logger {
  return createLogger({
    level: "warn",
    write: (line) =>
      Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`)),
  });
}
