/**
 * A machine for tests: a home folder, a recorded terminal, an optional
 * keychain.
 *
 * @module
 */

import type { Machine, Ran } from "./machine.ts";

/** A configurable machine, with its recorded output. */
export interface TestMachine extends Machine, AsyncDisposable {
  stdin: string;
  answers: string[];
  caller: string[] | undefined;
  respond: (url: URL, init: RequestInit) => Response | Promise<Response>;
  readonly said: string[];
  readonly printed: string[];
  readonly started: string[];
  /** Secrets of the fake keychain by server; the keychain exists when it is set. */
  readonly keychains: Map<string, Map<string, string>>;
  time: number;
}

/** Creates a machine with an empty home. */
export async function testMachine(
  parts: Partial<Pick<Machine, "platform" | "interactive">> & {
    env?: Record<string, string>;
  } = {},
): Promise<TestMachine> {
  const home = await Deno.makeTempDir({ prefix: "atcr-helper-" });
  const machine: TestMachine = {
    platform: parts.platform ?? "linux",
    env: parts.env ?? {},
    home,
    hostname: "laptop",
    interactive: parts.interactive ?? false,
    stdin: "",
    answers: [],
    caller: undefined,
    respond: () => new Response("no registry", { status: 502 }),
    said: [],
    printed: [],
    started: [],
    keychains: new Map(),
    time: Date.UTC(2026, 0, 1),
    say: (text) => void machine.said.push(text),
    print: (text) => void machine.printed.push(text),
    input: () => Promise.resolve(machine.stdin),
    ask: () => Promise.resolve(machine.answers.shift() ?? ""),
    run: (command, args, stdin) =>
      Promise.resolve(runKeychain(machine, command, args, stdin ?? "")),
    start: (command, args) =>
      void machine.started.push([command, ...args].join(" ")),
    callerArgs: () => Promise.resolve(machine.caller),
    fetch: async (url, init = {}) => await machine.respond(url, init),
    sleep: (ms) => {
      machine.time += ms;
      return Promise.resolve();
    },
    now: () => machine.time,
    [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }),
  };
  return machine;
}

function runKeychain(
  machine: TestMachine,
  command: string,
  [verb]: readonly string[],
  stdin: string,
): Ran {
  const name = command.replace("docker-credential-", "");
  const secrets = machine.keychains.get(name);
  if (!secrets) return { code: undefined, stdout: "" };
  switch (verb) {
    case "list":
      return { code: 0, stdout: "{}" };
    case "store": {
      const { ServerURL, Secret } = JSON.parse(stdin);
      secrets.set(ServerURL, Secret);
      return { code: 0, stdout: "" };
    }
    case "get": {
      const Secret = secrets.get(stdin);
      return Secret === undefined
        ? { code: 1, stdout: "not found" }
        : { code: 0, stdout: JSON.stringify({ Secret }) };
    }
    default:
      secrets.delete(stdin);
      return { code: 0, stdout: "" };
  }
}
