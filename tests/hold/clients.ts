/**
 * Real clients for the tests of the hold: they push one image and pull it back
 * into an empty store of their own.
 *
 * @module
 */

import { join } from "node:path";
import {
  containersStorage,
  forgetBlobs,
  removeEngineFolder,
  startEngine,
} from "../clients/engine.ts";
import { type TestImage, testImages } from "../clients/images.ts";
import type { TestAccount } from "../support/server.ts";
import { run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";

/** A client that is installed. */
export interface Client {
  readonly name: string;
  /** Pushes the image as `<host>/<name>:1`, with a login as `account`. */
  push(host: string, name: string, account: TestAccount): Promise<void>;
  /** Pulls it into an empty store. */
  pull(host: string, name: string): Promise<void>;
}

/** All clients that can run here, which push one image of some 100 MB. */
export interface Clients extends AsyncDisposable {
  readonly clients: readonly Client[];
  /** Clients that cannot run here, with the reason. */
  readonly missing: readonly string[];
}

/** Finds docker (with an engine of its own), skopeo and crane. */
export async function openClients(): Promise<Clients> {
  const { big: image } = await testImages();
  const folder = await Deno.makeTempDir({ prefix: "atcr-hold-" });
  const clients: Client[] = [];
  const missing: string[] = [];
  const closing: (() => Promise<void>)[] = [];
  const attempt = async (name: string, open: () => Promise<Client>) => {
    try {
      clients.push(await open());
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : ""}`);
    }
  };
  await attempt("docker", async () => {
    const engine = await startEngine(join(folder, "docker"));
    closing.push(() => engine.stop());
    return await docker(folder, image, engine.address);
  });
  await attempt("skopeo", () => skopeo(folder, image));
  await attempt("crane", () => crane(folder, image));
  return {
    clients,
    missing,
    [Symbol.asyncDispose]: async () => {
      for (const close of closing) await close();
      await removeEngineFolder(folder);
    },
  };
}

async function program(name: string): Promise<string> {
  const path = await findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

async function docker(
  folder: string,
  image: TestImage,
  address: string,
): Promise<Client> {
  const path = await program("docker");
  const copy = await program("skopeo");
  const env = { DOCKER_HOST: address, DOCKER_CONFIG: join(folder, "login") };
  const local = "test/hold:1";
  const from = [`oci:${image.folder}:1`, `docker-daemon:${local}`];
  await run(copy, ["copy", ...from, "--dest-daemon-host", address]);
  return {
    name: "docker",
    push: async (host, name, { handle, appPassword: input }) => {
      const user = ["-u", handle, "--password-stdin"];
      await run(path, ["login", ...user, host], { env, input });
      await run(path, ["tag", local, `${host}/${name}:1`], { env });
      await run(path, ["push", `${host}/${name}:1`], { env });
    },
    pull: async (host, name) => {
      const ref = `${host}/${name}:1`;
      await run(path, ["rmi", "-f", local, ref], { env });
      await run(path, ["pull", ref], { env });
      await run(path, ["tag", ref, local], { env });
    },
  };
}

async function skopeo(folder: string, image: TestImage): Promise<Client> {
  const path = await program("skopeo");
  const env = {
    ...await containersStorage(join(folder, "storage")),
    REGISTRY_AUTH_FILE: join(folder, "skopeo.json"),
  };
  return {
    name: "skopeo",
    push: async (host, name, { handle, appPassword }) => {
      await forgetBlobs();
      const to = [
        "--dest-tls-verify=false",
        `--dest-creds=${handle}:${appPassword}`,
      ];
      const login = ["login", "--tls-verify=false", "-u", handle];
      await run(path, [...login, "--password-stdin", host], {
        env,
        input: appPassword,
      });
      await run(path, [
        "copy",
        ...to,
        `oci:${image.folder}:1`,
        `docker://${host}/${name}:1`,
      ], { env });
    },
    pull: async (host, name) => {
      const target = await Deno.makeTempDir({ dir: folder });
      await run(path, [
        "copy",
        "--src-tls-verify=false",
        `docker://${host}/${name}:1`,
        `oci:${target}:1`,
      ], { env });
    },
  };
}

async function crane(folder: string, image: TestImage): Promise<Client> {
  const path = await program("crane");
  const env = { DOCKER_CONFIG: join(folder, "crane") };
  return {
    name: "crane",
    push: async (host, name, { handle, appPassword }) => {
      const login = ["auth", "login", "-u", handle, "-p", appPassword, host];
      await run(path, login, { env });
      await run(path, ["push", image.folder, `${host}/${name}:1`], { env });
    },
    pull: async (host, name) => {
      const target = await Deno.makeTempDir({ dir: folder });
      const ref = `${host}/${name}:1`;
      await run(path, ["pull", "--format=oci", ref, target], { env });
      await run(path, ["validate", "--remote", ref], { env });
    },
  };
}
