/**
 * The registries under test, all running at the same time: the product and the
 * peers that are installed.
 *
 * @module
 */

import { join } from "node:path";
import { RegistryApi, token } from "../clients/registry_api.ts";
import { findPeers } from "../tools/peers.ts";
import { type Account, startProduct } from "../tools/product.ts";
import { run } from "../tools/command.ts";
import { ROOT } from "../tools/paths.ts";
import type { Server } from "../tools/server.ts";

/** Name of the product in tables. */
export const PRODUCT = "ATCR";
/** Name of the product of another checkout. */
export const EARLIER = "other checkout";

/** A registry under test. */
export interface Target extends Server {
  readonly version: string;
  /** Host and port. */
  readonly host: string;
  /** Who pushes; the peers run without login. */
  readonly account: Account | undefined;
  readonly api: RegistryApi;
  /** Whether one PUT can set many tags. */
  readonly manyTags: boolean;
  /** Full name of a repository. */
  repo(name: string): string;
}

/** How one registry is started. */
export interface Starter {
  readonly name: string;
  readonly version: string;
  /** Starts it with an empty store in a new folder. */
  start(folder: string): Promise<Target>;
}

/**
 * The product first, then the product of another checkout where one is named,
 * then the peers of the machine.
 */
export async function starters(against?: string): Promise<Starter[]> {
  const peers = await findPeers();
  return [
    {
      name: PRODUCT,
      version: await revisionOf(ROOT),
      start: (folder) => startOurs(folder, PRODUCT),
    },
    ...against === undefined ? [] : [{
      name: EARLIER,
      version: await revisionOf(against),
      start: (folder: string) => startOurs(folder, EARLIER, against),
    }],
    ...peers.map(({ name, version, start }): Starter => ({
      name,
      version,
      async start(folder) {
        const server = await start(folder);
        return {
          ...server,
          version,
          account: undefined,
          api: new RegistryApi(server.host),
          // One PUT of many tags is new in the specification; others take them one by one.
          manyTags: name === "zot",
          repo: (repo) => `bench/${repo}`,
        };
      },
    })),
  ];
}

/** The commit of a checkout, and whether its files differ from it. */
async function revisionOf(checkout: string): Promise<string> {
  const at = ["-C", checkout];
  const { stdout } = await run("git", [...at, "rev-parse", "--short", "HEAD"]);
  const changes = await run("git", [...at, "status", "--porcelain", "-uno"]);
  return stdout.trim() + (changes.stdout.trim() === "" ? "" : " with changes");
}

async function startOurs(
  folder: string,
  name: string,
  checkout?: string,
): Promise<Target> {
  const dataDir = join(folder, "data");
  await Deno.mkdir(dataDir, { recursive: true });
  const product = await startProduct({
    dataDir,
    ...(checkout === undefined ? {} : { checkout }),
  });
  const { host, alice } = product;
  return {
    ...product,
    name,
    version: checkout ?? "this",
    account: alice,
    api: new RegistryApi(host, alice),
    manyTags: true,
    repo: (repo) => `${alice.handle}/${repo}`,
  };
}

/** The header line that allows everything in a repository; empty for peers. */
export async function authorization(
  target: Pick<Target, "host" | "account">,
  repo: string,
): Promise<string> {
  if (target.account === undefined) return "";
  const challenge = await fetch(`http://${target.host}/v2/`);
  await challenge.body?.cancel();
  const words = challenge.headers.get("www-authenticate") ?? "";
  const value = await token(words, repo, target.account);
  return `authorization: Bearer ${value}\r\n`;
}
