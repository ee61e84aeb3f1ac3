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

/** Kills the sandbox network of a server, which is its only child. */
export async function killNetwork(server: TestServer): Promise<void> {
  const children = await childrenOf(server.pid);
  if (children.length !== 1) {
    throw new Error(`The server has ${children.length} children, not one.`);
  }
  for (const pid of children) Deno.kill(pid, "SIGKILL");
  await until(async () => !await isUp(server.pds));
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
