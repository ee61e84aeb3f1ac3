/**
 * Parts of drills: nginx or Caddy with the site of `deploy/`, over plain http
 * and without stickiness.
 *
 * @module
 */

import { join } from "node:path";
import { findProgram, ROOT } from "../tools/paths.ts";
import { freePort } from "../tools/ports.ts";
import { startServer } from "../tools/server.ts";
import { run } from "../tools/command.ts";

/** The proxies that `deploy/` has a site for. */
export const FRONTS = ["nginx", "caddy"] as const;
export type FrontKind = typeof FRONTS[number];

/** A running proxy. */
export interface Front extends AsyncDisposable {
  /** Leads to these ports from now on. */
  use(ports: readonly number[]): Promise<void>;
}

const DEPLOY = join(ROOT, "deploy");

/** Starts a proxy at `port` in front of `ports`, all of them at 127.0.0.1. */
export async function startFront(
  kind: FrontKind,
  port: number,
  ports: readonly number[],
): Promise<Front> {
  const program = await findProgram(kind);
  if (program === undefined) throw new Error(`${kind} is not installed.`);
  const folder = await Deno.makeTempDir({ prefix: `atcr-${kind}-` });
  // nginx gives up the rights of root, and its worker reads here.
  await Deno.chmod(folder, 0o755);
  const site = kind === "nginx" ? nginx : caddy;
  const adminPort = freePort();
  const { args, reload } = await site(folder, port, ports, adminPort);
  const server = await startServer({
    name: kind,
    program,
    args,
    env: { HOME: folder, XDG_DATA_HOME: folder },
    logFile: join(folder, "log"),
    readyUrl: `http://localhost:${port}/readyz`,
  });
  return {
    use: async (some) => {
      await site(folder, port, some, adminPort);
      await run(program, reload);
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** How a proxy is started, and made to read its site again. */
interface Site {
  readonly args: readonly string[];
  readonly reload: readonly string[];
}

async function nginx(
  folder: string,
  port: number,
  ports: readonly number[],
): Promise<Site> {
  const text = await Deno.readTextFile(join(DEPLOY, "nginx", "atcr.conf"));
  const [upstream = "", , tls = ""] = text.split(/^server \{$/m);
  const servers = ports.map((one) => `server 127.0.0.1:${one};`).join("\n");
  const site = upstream
    .replace(/ +hash \$uri consistent;\n/, "")
    .replace("server 127.0.0.1:5000;", servers) +
    "server {" + tls
    .replace(/listen 443.*;/, `listen 127.0.0.1:${port};`)
    .replace(/listen \[::\].*;/, "")
    .replace(/server_name .*;/, "")
    .replace(/ +ssl_certificate.*;\n/g, "");
  await Deno.writeTextFile(join(folder, "site.conf"), site);
  const conf = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n");
  await Deno.writeTextFile(
    conf,
    `pid ${folder}/pid;\nerror_log ${folder}/error.log;\ndaemon off;\n` +
      `events {}\nhttp {\naccess_log off;\n${temporary}\n` +
      `include ${folder}/site.conf;\n}\n`,
  );
  const args = ["-c", conf, "-p", folder];
  return { args, reload: [...args, "-s", "reload"] };
}

async function caddy(
  folder: string,
  port: number,
  ports: readonly number[],
  adminPort: number,
): Promise<Site> {
  const text = await Deno.readTextFile(join(DEPLOY, "compose", "Caddyfile"));
  const upstreams = ports.map((one) => `127.0.0.1:${one}`).join(" ");
  const path = join(folder, "Caddyfile");
  const admin = `127.0.0.1:${adminPort}`;
  await Deno.writeTextFile(
    path,
    text
      .replace(/^\{$/m, `{\n\tadmin ${admin}`)
      .replace(
        "{$REGISTRY_DOMAIN}",
        `http://localhost:${port}, http://127.0.0.1:${port}`,
      )
      .replace("{$HOLD_DOMAIN}", `http://hold.localhost:${port}`)
      .replace(/(registry|hold):5000/g, upstreams),
  );
  const config = ["--config", path, "--adapter", "caddyfile"];
  return {
    args: ["run", ...config],
    reload: ["reload", ...config, "--address", admin],
  };
}
