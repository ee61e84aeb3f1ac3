/**
 * A sandbox network for a test, in a temporary folder.
 *
 * @module
 */

import { z } from "zod";
import {
  type Sandbox,
  type SandboxAccount,
  type SandboxOptions,
  startSandbox,
} from "../../sandbox/launch.ts";
import { freePorts } from "../tools/ports.ts";
import { silentLogger } from "../../lib/testing_log.ts";

/** A sandbox network that is stopped, and its folder removed, at disposal. */
export interface TestSandbox extends Sandbox, AsyncDisposable {
  /** `alice.test`. */
  readonly alice: SandboxAccount;
  /** `bob.test`. */
  readonly bob: SandboxAccount;
  /** Folder of the PDS's databases. */
  readonly dataDir: string;
}

/**
 * Starts a network on free ports with empty data; takes one to two seconds.
 *
 * ```ts
 * await using sandbox = await startTestSandbox();
 * ```
 */
export async function startTestSandbox(
  options: Pick<SandboxOptions, "client"> = {},
): Promise<TestSandbox> {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-sandbox-" });
  const remove = () => Deno.remove(dataDir, { recursive: true });
  let sandbox: Sandbox;
  try {
    const [pdsPort, plcPort] = freePorts(2);
    sandbox = await startSandbox({
      ...options,
      dataDir,
      pdsPort,
      plcPort,
      log: silentLogger,
    });
  } catch (error) {
    await remove();
    throw error;
  }
  const [alice, bob] = sandbox.accounts;
  if (!alice || !bob) throw new Error("the sandbox has too few accounts");
  return {
    ...sandbox,
    alice,
    bob,
    dataDir,
    [Symbol.asyncDispose]: async () => {
      await sandbox.stop();
      await remove();
    },
  };
}

const created = z.object({ did: z.string(), accessJwt: z.string() });
const appPassword = z.object({ password: z.string() });

/**
 * Creates another account.
 *
 * @param handle a single name below `.test`, such as `carol.test`.
 */
export async function createAccount(
  sandbox: Pick<Sandbox, "pds">,
  handle: string,
): Promise<SandboxAccount> {
  const password = `${handle}-password`;
  const email = `${handle.replace(/\.test$/, "")}@example.com`;
  const { did, accessJwt } = created.parse(
    await post(sandbox, "com.atproto.server.createAccount", {
      handle,
      email,
      password,
    }),
  );
  const app = appPassword.parse(
    await post(
      sandbox,
      "com.atproto.server.createAppPassword",
      { name: "test" },
      accessJwt,
    ),
  );
  return { handle, did, password, appPassword: app.password };
}

/** How often a deletion that the PDS did not finish is asked for. */
const DELETIONS = 10;

/**
 * Deletes an account as the admin of the PDS.
 *
 * The reference PDS removes the folder of the account while requests that began
 * before, here those of the follower, may open its SQLite database, which makes
 * files in it. Then the removal of the folder can fail, and the answer is a 500
 * for an account that is half gone (one deletion of 120 beside 40 readers). The
 * PDS may repeat each of its steps, so the same request finishes the work. Any
 * other answer is a failure.
 */
export async function deleteAccount(
  { pds, dataDir }: Pick<TestSandbox, "pds" | "dataDir">,
  did: string,
): Promise<void> {
  const state = await Deno.readTextFile(`${dataDir}/sandbox.json`);
  const { adminPassword } = JSON.parse(state);
  const request = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Basic ${btoa(`admin:${adminPassword}`)}`,
    },
    body: JSON.stringify({ did }),
  };
  for (let left = DELETIONS - 1;; left--) {
    const response = await fetch(
      `${pds}/xrpc/com.atproto.admin.deleteAccount`,
      request,
    );
    const answer = await response.text();
    if (response.ok) return;
    if (response.status !== 500 || left === 0) throw new Error(answer);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function post(
  { pds }: Pick<Sandbox, "pds">,
  method: string,
  body: Record<string, unknown>,
  token?: string,
): Promise<unknown> {
  const headers = new Headers({ "content-type": "application/json" });
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(`${pds}/xrpc/${method}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  throw new Error(`${method} failed: ${JSON.stringify(answer)}`);
}
