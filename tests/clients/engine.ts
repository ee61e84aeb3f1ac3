/**
 * Engines for the clients: a docker daemon without bridge and firewall rules,
 * and a storage of its own for podman and buildah.
 *
 * @module
 */

import { join } from "node:path";
import { CommandError, run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { startDaemon } from "./daemon.ts";

/** A running docker daemon. */
export interface Engine {
  /** For DOCKER_HOST. */
  readonly address: string;
  /** Socket of the containerd inside. */
  readonly containerd: string;
  readonly version: string;
  stop(): Promise<void>;
}

/** Where podman, buildah and skopeo remember which registry has which blob. */
const BLOB_MEMORY = "/var/lib/containers/cache/blob-info-cache-v1.boltdb";

/**
 * Starts a docker daemon with everything it keeps below `folder`.
 *
 * @throws {Error} with the end of its log, when it does not become ready.
 */
export async function startEngine(folder: string): Promise<Engine> {
  const docker = await findProgram("docker");
  if (docker === undefined || await findProgram("dockerd") === undefined) {
    throw new Error('docker is missing: run "deno task tools dockerd docker"');
  }
  if (Deno.uid() !== 0) throw new Error("the docker daemon needs root");
  await Deno.mkdir(folder, { recursive: true });
  const address = `unix://${folder}/docker.sock`;
  const daemon = await startDaemon("dockerd", [
    ...["--data-root", join(folder, "data")],
    ...["--exec-root", join(folder, "exec")],
    ...["--pidfile", join(folder, "docker.pid")],
    ...["--host", address],
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
  ], () => serverVersion(docker, address));
  const containerd = join(folder, "exec", "containerd", "containerd.sock");
  return {
    address,
    containerd,
    version: daemon.answer,
    stop: () => daemon.stop(),
  };
}

async function serverVersion(
  docker: string,
  address: string,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(docker, [
      ...["--host", address],
      ...["version", "--format", "{{.Server.Version}}"],
    ]);
    return stdout.trim();
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Settings that give podman, buildah and skopeo a storage below `folder`. */
export async function containersStorage(
  folder: string,
): Promise<Record<string, string>> {
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, "storage.conf");
  await Deno.writeTextFile(
    path,
    `[storage]
driver = "overlay"
graphroot = "${join(folder, "storage")}"
runroot = "${join(folder, "run")}"
`,
  );
  return { CONTAINERS_STORAGE_CONF: path };
}

/**
 * Makes podman, buildah and skopeo forget where they have seen a blob; they
 * would mount it, or take a form of it that is there already.
 */
export async function forgetBlobs(): Promise<void> {
  await Deno.remove(BLOB_MEMORY).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/**
 * Takes a daemon's mounts away and removes its folder.
 *
 * @throws {Error} when something is still mounted there.
 */
export async function removeEngineFolder(folder: string): Promise<void> {
  const mounts = (await Deno.readTextFile("/proc/mounts")).split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
  for (const path of mounts) await run("umount", [path]);
  await Deno.remove(folder, { recursive: true });
}
