/**
 * Runs other programs, with a time limit, and reports their output when they
 * fail.
 *
 * @module
 */

/** How {@linkcode run} runs a program. */
export interface RunOptions {
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for its standard input, which is empty otherwise. */
  readonly input?: string;
  /** Milliseconds after which it is killed; 5 minutes unless told. */
  readonly limitMs?: number;
}

/** What a program printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A program ended with an exit code other than 0, or had to be killed. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly output: Output;

  constructor(command: string, how: string, output: Output) {
    const words = (output.stderr.trim() || output.stdout.trim())
      .split("\n").slice(-LAST_LINES).join("\n");
    super(`${command}: ${how}${words === "" ? "" : `\n${words}`}`);
    this.output = output;
  }
}

const LAST_LINES = 12;
const DEFAULT_LIMIT_MS = 300_000;

/**
 * Runs a program to its end and returns what it printed.
 *
 * @throws {CommandError} when it does not end with exit code 0 within the limit.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Output> {
  const { input, limitMs = DEFAULT_LIMIT_MS } = options;
  const child = new Deno.Command(program, {
    args: [...args],
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    kill(child, "SIGKILL");
  }, limitMs);
  try {
    if (input !== undefined) {
      const writer = child.stdin.getWriter();
      // A program that ends without reading its input says so by its exit code.
      await writer.write(new TextEncoder().encode(input)).catch(() => {});
      await writer.close().catch(() => {});
    }
    const result = await child.output();
    const output = {
      stdout: new TextDecoder().decode(result.stdout),
      stderr: new TextDecoder().decode(result.stderr),
    };
    if (result.success) return output;
    const how = late
      ? `killed after ${limitMs / 1000} s`
      : `exit code ${result.code}`;
    throw new CommandError(
      `${baseName(program)} ${args[0] ?? ""}`,
      how,
      output,
    );
  } finally {
    clearTimeout(limit);
  }
}

/** Sends a signal to a child; ignores one that has exited already. */
export function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Prints a line for the person who started the task. */
export async function say(line: string): Promise<void> {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
