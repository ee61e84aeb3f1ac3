/**
 * The credential helper as users have it: installed by the registry's script,
 * in an empty home, on the PATH of docker and podman.
 *
 * @module
 */

import { delimiter, dirname, join } from "node:path";
import { CommandError, type Output, run } from "../tools/command.ts";

/** A home with the helper installed. */
export interface HelperHome extends AsyncDisposable {
  readonly folder: string;
  /** Environment of every program of this user. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command of the helper. */
  helper(...args: string[]): Promise<Output>;
  /** Runs a command of the helper with text for its standard input. */
  helperWith(input: string, ...args: string[]): Promise<Output>;
  /**
   * Starts `login` and returns as soon as it shows its code; `done` settles
   * when it ends.
   */
  login(
    ...args: string[]
  ): Promise<{ page: string; code: string; done: Promise<Output> }>;
}

const HELPER = "docker-credential-atcr";

/** Creates a home and installs the helper of the registry at `origin` there. */
export async function installHelper(
  origin: string,
  env: Record<string, string> = {},
): Promise<HelperHome> {
  const folder = await Deno.makeTempDir({ prefix: "atcr-home-" });
  const bin = join(folder, ".local", "bin");
  const home = {
    ...env,
    HOME: folder,
    DOCKER_CONFIG: join(folder, ".docker"),
    PATH: [bin, dirname(Deno.execPath()), Deno.env.get("PATH") ?? ""]
      .join(delimiter),
  };
  const script = await (await fetch(`${origin}/install.sh`)).text();
  await run("sh", [], { input: script, env: home });
  const program = join(bin, HELPER);
  return {
    folder,
    env: home,
    helper: (...args) => run(program, args, { env: home }),
    helperWith: (input, ...args) => run(program, args, { env: home, input }),
    login: (...args) => login(program, args, home),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function login(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ page: string; code: string; done: Promise<Output> }> {
  const child = new Deno.Command(program, {
    args: ["login", ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const shown = Promise.withResolvers<{ page: string; code: string }>();
  let stderr = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of child.stderr) {
      stderr += decoder.decode(piece, { stream: true });
      const found = /Open (\S+)\s[^]*code: (\S+)/.exec(stderr);
      const [, page, code] = found ?? [];
      if (page && code) shown.resolve({ page, code });
    }
  })();
  const printing = new Response(child.stdout).text();
  const done = (async () => {
    const { success, code } = await child.status;
    await reading;
    const output = { stdout: await printing, stderr };
    if (success) return output;
    throw new CommandError(`${HELPER} login`, `exit code ${code}`, output);
  })();
  // Reported to the caller that waits for the code; `done` is awaited later.
  done.catch((error) => shown.reject(error));
  return { ...await shown.promise, done };
}
