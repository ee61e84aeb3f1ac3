/**
 * What a client's file of the matrix looks like, and what it gets to work with.
 *
 * @module
 */

import { join } from "node:path";
import { run, type RunOptions } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import type { Account } from "../tools/product.ts";
import { containersStorage } from "./engine.ts";
import type { TestImages } from "./images.ts";
import type { RegistryApi } from "./registry_api.ts";

/** Columns of the matrix. What a client does besides has a name of its own. */
export const COMMON = [
  "login",
  "push",
  "pull",
  "list",
  "delete",
  "multi-arch",
] as const;

/** One of the common columns. */
export type CommonAction = typeof COMMON[number];

/** One client of the matrix. */
export interface Suite {
  /** Name of the row. */
  readonly name: string;
  /** Programs that must be there; the first one is the client. */
  readonly programs: readonly string[];
  /** Whether it needs the docker engine, and containerd inside of it. */
  readonly engine?: boolean;
  /** Starts what it needs besides; the result ends that. */
  open?(t: Station): Promise<() => Promise<void>>;
  /** The version in short. */
  version(t: Station): Promise<string>;
  /** What it does, in this order; one that throws has failed. */
  readonly actions: Readonly<Record<string, (t: Station) => Promise<void>>>;
  /** Common actions that the client has no command for, with the reason. */
  readonly absent?: Readonly<Partial<Record<CommonAction, string>>>;
}

/** The surroundings that all clients share. */
export interface World {
  /** The registry under test as `127.0.0.1:PORT`. */
  readonly host: string;
  readonly alice: Account;
  readonly bob: Account;
  readonly images: TestImages;
  /** The registry seen with alice's eyes. */
  readonly api: RegistryApi;
  /** A folder for everything; removed in the end. */
  readonly work: string;
  /** Environment that leads the clients to the engines of this run. */
  readonly env: Readonly<Record<string, string>>;
}

/** An action cannot be tried here; the message says why. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/** The place where one client works: its own folder, logins and storage. */
export class Station {
  readonly world: World;
  /** Name of the client, which is part of its repositories' names. */
  readonly client: string;
  /** A folder of its own. */
  readonly folder: string;

  private constructor(world: World, client: string, folder: string) {
    this.world = world;
    this.client = client;
    this.folder = folder;
  }

  /** Makes the folder, with empty login files. */
  static async open(world: World, client: string): Promise<Station> {
    const folder = join(world.work, client);
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    await Deno.writeTextFile(join(folder, "auth.json"), "{}");
    const storage = await containersStorage(join(folder, "storage"));
    return new Station(
      { ...world, env: { ...world.env, ...storage } },
      client,
      folder,
    );
  }

  /** A repository of alice without the host: `alice.test/CLIENT-NAME`. */
  repo(name: string): string {
    return `${this.world.alice.handle}/${this.client}-${name}`;
  }

  /** A reference to it with the host and a tag. */
  ref(name: string, tag = "1"): string {
    return `${this.world.host}/${this.repo(name)}:${tag}`;
  }

  /** A path in the client's folder. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Runs a program with this client's logins; returns its standard output. */
  async run(
    program: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<string> {
    const { stdout } = await this.runBoth(program, args, options);
    return stdout.trim();
  }

  /** Writes the login of an account at a registry where docker keeps it. */
  async writeLogin(
    { handle, appPassword }: Account,
    host = this.world.host,
  ): Promise<void> {
    const auth = btoa(`${handle}:${appPassword}`);
    await Deno.writeTextFile(
      this.path("config.json"),
      JSON.stringify({ auths: { [host]: { auth } } }),
    );
  }

  /** Like {@linkcode run}, with standard error as well. */
  async runBoth(
    program: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<{ stdout: string; stderr: string }> {
    const path = await findProgram(program);
    if (path === undefined) throw new Skip(`${program} is not installed`);
    return await run(path, args, {
      cwd: this.folder,
      ...options,
      env: {
        ...this.world.env,
        HOME: this.folder,
        DOCKER_CONFIG: this.folder,
        REGISTRY_AUTH_FILE: join(this.folder, "auth.json"),
        ...options.env,
      },
    });
  }

  /** Digest of what the registry has under a tag, or an error. */
  async pushed(name: string, tag = "1"): Promise<string> {
    const digest = await this.world.api.digest(this.repo(name), tag);
    if (digest === undefined) {
      throw new Error(`${this.repo(name)}:${tag} is not in the registry`);
    }
    return digest;
  }
}
