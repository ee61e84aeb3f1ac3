/**
 * Other image services for the benchmark, if they are installed: vipsthumbnail
 * as a command, imgproxy as a server.
 *
 * @module
 */

import { findProgram } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import { startServer } from "../tools/server.ts";

/** Another thumbnailer. */
export interface Peer {
  /** With what its time includes. */
  readonly name: string;
  /** Makes a WebP of 200 by 200 pixels, quality 85, of a file in the folder. */
  thumbnail(file: string): Promise<void>;
}

/** The peers of this machine. */
export interface Peers extends AsyncDisposable {
  readonly found: readonly Peer[];
  /** Sentences about the others. */
  readonly missing: readonly string[];
}

/** Finds the installed peers; they read pictures from `folder`. */
export async function openPeers(folder: string): Promise<Peers> {
  await using parts = new AsyncDisposableStack();
  const found: Peer[] = [];
  const missing: string[] = [];
  const vips = await findProgram("vipsthumbnail");
  if (vips === undefined) {
    missing.push("vipsthumbnail is missing (deno task tools vipsthumbnail)");
  } else found.push(vipsthumbnail(vips, folder));
  const program = await findProgram("imgproxy");
  if (program === undefined) {
    missing.push("imgproxy is missing; put its program into .tools/bin");
  } else {
    const [port = 0] = freePorts(1);
    const origin = `http://127.0.0.1:${port}`;
    const log = await Deno.makeTempFile();
    parts.defer(() => Deno.remove(log));
    const server = await startServer({
      name: "imgproxy",
      program,
      args: [],
      env: {
        IMGPROXY_BIND: `127.0.0.1:${port}`,
        IMGPROXY_LOCAL_FILESYSTEM_ROOT: folder,
        IMGPROXY_LOG_LEVEL: "error",
      },
      logFile: log,
      readyUrl: `${origin}/health`,
    });
    parts.defer(() => server.stop());
    found.push(imgproxy(origin));
  }
  const rest = parts.move();
  return {
    found,
    missing,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function vipsthumbnail(program: string, folder: string): Peer {
  return {
    name: "vipsthumbnail, with its start",
    async thumbnail(file) {
      const { success } = await new Deno.Command(program, {
        args: [file, "-s", "200x200", "-m", "centre", "-o", "out.webp[Q=85]"],
        cwd: folder,
        stderr: "null",
      }).output();
      if (!success) throw new Error(`vipsthumbnail fails on ${file}`);
    },
  };
}

function imgproxy(origin: string): Peer {
  return {
    name: "imgproxy, over HTTP",
    async thumbnail(file) {
      const response = await fetch(
        `${origin}/insecure/rs:fill:200:200/q:85/plain/local:///${file}@webp`,
      );
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`imgproxy fails on ${file}`);
    },
  };
}
