/**
 * Child processes of a running server, on Linux.
 *
 * @module
 */

import type { TestServer } from "./server.ts";
import { until } from "./until.ts";

/** Whether this machine can list the child processes of a server. */
export const CAN_LIST_CHILDREN = Deno.build.os === "linux";

/** Process ids of the direct children of `pid`. */
async function childrenOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const list = await Deno.readTextFile(
      `/proc/${pid}/task/${name}/children`,
    );
    children.push(...list.split(" ").filter(Boolean).map(Number));
  }
  return children;
}

/** Kills the sandbox network of a server. */
export async function killNetwork(server: TestServer): Promise<void> {
  Deno.kill(await networkOf(server), "SIGKILL");
  await until(async () => !await isUp(server.pds));
}

/**
 * Lets the sandbox network of a server hang: it accepts connections and does
 * not respond, until the result is disposed of.
 */
export async function hangNetwork(server: TestServer): Promise<Disposable> {
  const pid = await networkOf(server);
  Deno.kill(pid, "SIGSTOP");
  return { [Symbol.dispose]: () => Deno.kill(pid, "SIGCONT") };
}

/** Process id of the sandbox network, which is the server's only child. */
async function networkOf(server: TestServer): Promise<number> {
  const [pid, ...others] = await childrenOf(server.pid);
  if (pid === undefined || others.length > 0) {
    throw new Error("The server has not one child.");
  }
  return pid;
}

async function isUp(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/xrpc/_health`);
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
