/**
 * Sends malformed requests to a running server, concurrently on keep-alive
 * connections, and fails on anything that a registry must not do.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Wire } from "../bench/wire.ts";
import { imageManifest, randomBlob } from "../support/oci.ts";
import { expect, Repository } from "../support/registry.ts";
import { type TestServer, tokenFor } from "../support/server.ts";
import {
  changes,
  settledState,
  type State,
  stateOf,
} from "../support/state.ts";
import { checkAnswer, type Checked } from "./check_answer.ts";
import type { Known } from "./places.ts";
import { type FuzzRequest, requests, type Who } from "./requests.ts";

/** Settings of a server that is to be fuzzed: each request can come from an address of its own. */
export const FUZZ_ENV = {
  ATCR_SERVER_TRUST_PROXY: "true",
  // Comparing tags with their owner's repo writes when it was done.
  ATCR_REGISTRY_TAG_RECHECK_SECONDS: "604800",
};

/** Report of a run. */
export interface FuzzReport {
  readonly cases: number;
  readonly seconds: number;
  /** Number of answers by status and code. */
  readonly outcomes: ReadonlyMap<string, number>;
}

const CONNECTIONS = 8;
/** Requests after which the server's state is looked at. */
const STRANGERS_ROUND = 2_000;
const OWNERS_ROUND = 40;
const OPEN_UPLOADS = 4;
/** The longest that an answer may take. */
const LIMIT_MS = 20_000;
const STRANGERS: readonly Who[] = ["nobody", "other", "header"];

/**
 * Sends at least `cases` requests, half of them by people who may change
 * nothing. Throws an AssertionError that names the request which was answered
 * wrongly, or what has changed; `seed` gives the same requests again.
 */
export async function fuzz(
  server: TestServer,
  options: { cases: number; seed: number; progress?: (done: number) => void },
): Promise<FuzzReport> {
  const { cases, seed } = options;
  const started = performance.now();
  const run = await Fuzzer.prepare(server);
  try {
    let round = 0;
    const next = (who: readonly Who[], count: number) =>
      fc.sample(requests(run.known, who), {
        numRuns: count,
        seed: seed + round++,
      });
    while (run.cases < cases / 2) {
      await run.strangers(
        next(STRANGERS, Math.min(Math.ceil(cases / 2), STRANGERS_ROUND)),
      );
      options.progress?.(run.cases);
    }
    while (run.cases < cases) {
      await run.openUpload();
      await run.owners(next(["owner"], OWNERS_ROUND));
      options.progress?.(run.cases);
    }
    await run.end();
  } finally {
    run.close();
  }
  const seconds = (performance.now() - started) / 1000;
  return { cases: run.cases, seconds, outcomes: run.outcomes };
}

/** One run against one server. */
class Fuzzer {
  readonly #server: TestServer;
  readonly #tokens: ReadonlyMap<Who, string>;
  readonly #wires: readonly Wire[];
  readonly #kept: Repository;
  readonly #scratch: Repository;
  known: Known;
  readonly outcomes = new Map<string, number>();
  cases = 0;
  #state: State;

  private constructor(
    server: TestServer,
    { kept, scratch }: { kept: Repository; scratch: Repository },
    known: Known,
    tokens: ReadonlyMap<Who, string>,
    state: State,
  ) {
    this.#server = server;
    this.#kept = kept;
    this.#scratch = scratch;
    this.known = known;
    this.#tokens = tokens;
    this.#state = state;
    this.#wires = Array.from(
      { length: CONNECTIONS },
      () => new Wire(server.host),
    );
  }

  /** Pushes what the requests will meet. */
  static async prepare(server: TestServer): Promise<Fuzzer> {
    const { alice, bob } = server;
    const kept = new Repository(server, alice, "alice.test/kept");
    const scratch = new Repository(server, alice, "alice.test/scratch");
    const [config, layer] = [randomBlob(100), randomBlob(5_000)];
    const image = imageManifest(config, [layer]);
    for (const repository of [kept, scratch]) {
      await repository.pushBlob(config);
      await repository.pushBlob(layer);
      await repository.pushEmptyJson();
      expect(await repository.putManifest(image, "latest"), 201);
    }
    const digests = [config.digest, layer.digest, image.digest];
    const grants = ["scratch", "scratch/deep"].map((name) =>
      `repository:alice.test/${name}:pull,push,delete`
    );
    const foreign = ["kept", "scratch"].map((name) =>
      `repository:alice.test/${name}:pull,push,delete`
    );
    const tokens = new Map<Who, string>([
      ["owner", await tokenFor(server, alice, ...grants)],
      ["other", await tokenFor(server, bob, ...foreign)],
    ]);
    const known = {
      ownerDid: alice.did,
      digests,
      image,
      uploads: ["none"],
    };
    const state = await settledState(server);
    return new Fuzzer(server, { kept, scratch }, known, tokens, state);
  }

  /** Opens an upload for later requests; many of them spoil one. */
  async openUpload(): Promise<void> {
    const location = await this.#scratch.startUpload();
    const id = location.slice(location.lastIndexOf("/") + 1);
    this.known = {
      ...this.known,
      uploads: [id, ...this.known.uploads].slice(0, OPEN_UPLOADS),
    };
  }

  /** Sends requests that must leave everything as it is. */
  async strangers(round: readonly FuzzRequest[]): Promise<void> {
    await this.#sendAll(round);
    const now = await stateOf(this.#server);
    // Finished uploads are swept while a long run goes on.
    const isSwept = (name: string) =>
      name.startsWith('["hold","upload",') && !now.has(name);
    const changed = changes(this.#state, now).filter((name) =>
      isNoCount(name) && !isSwept(name)
    );
    assert.deepEqual(changed, []);
  }

  /** Sends requests with push access: refused ones must change nothing except uploads. */
  async owners(round: readonly FuzzRequest[]): Promise<void> {
    const answers = await this.#sendAll(round);
    const accepted = answers.filter(({ changed }) => changed);
    if (accepted.length > 0) {
      for (const { location } of accepted) await this.#cancel(location);
      this.#state = await settledState(this.#server);
      return;
    }
    const now = await stateOf(this.#server);
    const changed = changes(this.#state, now).filter(isNoCount)
      .filter((name) => !/^\["(registry|hold)","upload"/.test(name));
    assert.deepEqual(changed, [], JSON.stringify(round).slice(0, 10_000));
    this.#state = now;
  }

  /** Checks that protected content is still served. */
  async end(): Promise<void> {
    const { image } = this.known;
    assert.deepEqual(await this.#kept.tags(), ["latest"]);
    const get = await this.#kept.send("GET", "manifests/latest");
    assert.deepEqual(expect(get, 200).bytes, image.bytes);
    for (const digest of this.known.digests.slice(0, 2)) {
      expect(await this.#kept.send("GET", `blobs/${digest}`), 200);
    }
  }

  close(): void {
    for (const wire of this.#wires) wire.close();
  }

  async #sendAll(round: readonly FuzzRequest[]): Promise<Checked[]> {
    const queue = [...round];
    const answers: Checked[] = [];
    await Promise.all(this.#wires.map(async (wire) => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const checked = await this.#send(wire, next);
        answers.push(checked);
        const { outcome } = checked;
        this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
        this.cases++;
      }
    }));
    return answers;
  }

  async #send(wire: Wire, request: FuzzRequest): Promise<Checked> {
    const token = this.#tokens.get(request.who);
    const lines = request.headers
      .filter(([name]) => request.who === "header" || name !== "authorization")
      .concat(token === undefined ? [] : [["authorization", `Bearer ${token}`]])
      // Limits on guessing must not hide what is behind them.
      .concat([[
        "x-forwarded-for",
        `10.${address()}.${address()}.${address()}`,
      ]])
      .map(([name, value]) => `${name}: ${value}\r\n`);
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`no answer in ${LIMIT_MS} ms`)),
      LIMIT_MS,
    );
    try {
      const answer = await Promise.race([
        wire.call({
          method: request.method,
          path: request.target,
          headers: lines.join(""),
          keep: true,
          chunked: request.chunked,
          ...(request.body
            ? { body: [new TextEncoder().encode(request.body)] }
            : {}),
        }),
        promise,
      ]);
      return checkAnswer(request, answer);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new assert.AssertionError({
        message: `${said}\n${JSON.stringify(request)}`,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes back an upload that was opened by the way. */
  async #cancel(location: string | undefined): Promise<void> {
    if (location === undefined) return;
    await this.#scratch.send("DELETE", location);
  }
}

/** Pulls are counted in the hold's repo now and then. */
function isNoCount(name: string): boolean {
  return !name.startsWith('["repo",');
}

function address(): number {
  return Math.floor(Math.random() * 256);
}
