/**
 * Helpers for tests of the avatar service: instances that share a store, on a
 * network of accounts.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { FakeNetwork } from "../../tests/support/avatar_network.ts";
import { fixture } from "../../tests/support/images.ts";
import { Semaphore } from "../async/semaphore.ts";
import { DenoKv } from "../kv/deno_kv.ts";
import type { Kv } from "../kv/kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import { storedBytesKey } from "./kv_keys.ts";
import { type AvatarOptions, DEFAULT_AVATAR_OPTIONS } from "./options.ts";
import { parseQuery, type PictureQuery } from "./parameters.ts";
import { type Lane, perform } from "./pool/lane.ts";
import { AvatarService } from "./service.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";

export const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
export const PHOTO = fixture("jpeg/photo-256.jpg");
export const OTHER = fixture("jpeg/progressive.jpg");
export const MINUTE = 60_000;

const oneAtATime = new Semaphore(1);

/** Instances of the service that share a store, as behind a load balancer. */
export class Setup implements AsyncDisposable {
  readonly network = new FakeNetwork();
  readonly clock = new ManualClock();
  readonly store = new MemoryBlobStore(this.clock);
  /** Jobs that were rendered. */
  rendered = 0;
  readonly kv: Kv;
  readonly #services: AvatarService[] = [];

  private constructor(kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
    this.network.addAccount(ALICE, "alice.test");
  }

  static async open(): Promise<Setup> {
    return new Setup(await Deno.openKv(":memory:"));
  }

  async service(
    options: Partial<AvatarOptions> = {},
    store: BlobStore = this.store,
  ): Promise<AvatarService> {
    const openLane = (): Lane => ({
      ready: Promise.resolve(),
      run: (job) => {
        this.rendered++;
        // Codecs on one thread share memory.
        return oneAtATime.run("render", undefined, () => perform(job));
      },
      close() {},
    });
    const { network, clock } = this;
    const service = new AvatarService(
      { kv: this.kv, clock, log: silentLogger, store, openLane, ...network },
      {
        ...DEFAULT_AVATAR_OPTIONS,
        baseUrl: "https://pics.example.com",
        pool: { ...DEFAULT_AVATAR_OPTIONS.pool, lanes: 1 },
        ...options,
      },
    );
    await service.start();
    this.#services.push(service);
    return service;
  }

  /** Bytes of all stored pictures, by the counter. */
  async total(): Promise<bigint> {
    return await this.kv.counter(storedBytesKey);
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.store.list("avatars/")) keys.push(key);
    return keys;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services) service.close();
    this.kv.close();
    return Promise.resolve();
  }
}

/** `store` as one that the public can read; `onHead` is called before each look. */
export function publicStore(store: BlobStore, onHead = () => {}): BlobStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "publicUrl") {
        return (key: string) => `https://cdn.example.com/${key}`;
      }
      if (name === "head") {
        return async (key: string) => {
          onHead();
          return await target.head(key);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Parses the query `text`. */
export function query(text = ""): PictureQuery {
  return parseQuery(new URLSearchParams(text), undefined, {
    maxSide: 2048,
    fallbackHosts: [],
  });
}

/** Runs `work`, which may wait for a lease, while time passes. */
export async function whileTicking<T>(
  clock: ManualClock,
  work: Promise<T>,
): Promise<T> {
  const ticking = setInterval(() => clock.advance(50), 5);
  try {
    return await work;
  } finally {
    clearInterval(ticking);
  }
}
