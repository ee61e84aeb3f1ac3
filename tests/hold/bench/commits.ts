/**
 * Commits per second of a hold and of the reference PDS, by the same methods,
 * in turns, and the processor time of a commit; or of two checkouts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { median, short } from "../../bench/report.ts";
import { createForger } from "../../support/forger.ts";
import { holdDid, holdEnv } from "../../support/hold.ts";
import { type Program, startProgram } from "../../support/program.ts";
import { startTestSandbox } from "../../support/sandbox.ts";
import { freePort } from "../../tools/ports.ts";
import { xrpc } from "../../support/xrpc.ts";
import { cpuMs } from "../../tools/server.ts";
import { say } from "../../tools/command.ts";

const COLLECTION = "com.example.layer";

/** Where records are written. */
interface Repo {
  readonly name: string;
  readonly origin: string;
  readonly did: string;
  /** Process whose processor time is measured; undefined when it does more than commits. */
  readonly pid?: number;
  /** A token for one call. */
  token(nsid: string): Promise<string>;
}

/** A way to write. */
interface Way {
  readonly name: string;
  /** Requests under way at the same time. */
  readonly width: number;
  /** Records of one commit. */
  readonly records: number;
  readonly commits: number;
}

const WAYS: readonly Way[] = [
  { name: "single, one at a time", width: 1, records: 1, commits: 300 },
  { name: "single, 8 at a time", width: 8, records: 1, commits: 600 },
  { name: "50 a commit", width: 1, records: 50, commits: 40 },
  { name: "200 a commit", width: 1, records: 200, commits: 12 },
];

/** A record such as a push makes. */
function record(n: number): Record<string, unknown> {
  return {
    $type: COLLECTION,
    digest: `sha256:${n.toString(16).padStart(64, "0")}`,
    size: 1_000_000 + n,
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    manifest:
      "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/io.atcr.manifest/0123456789abcdef",
    userDid: "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}

let written = 0;

/** Commits of one way per second, and the milliseconds of a processor that one takes. */
interface Sample {
  readonly rate: number;
  readonly cpu: number;
}

async function sample(repo: Repo, way: Way): Promise<Sample> {
  const { origin, did } = repo;
  const single = way.records === 1;
  const nsid = `com.atproto.repo.${single ? "createRecord" : "applyWrites"}`;
  const requests = await Promise.all(
    Array.from({ length: way.commits }, async () => ({
      token: await repo.token(nsid),
      input: single
        ? { repo: did, collection: COLLECTION, record: record(written++) }
        : {
          repo: did,
          writes: Array.from({ length: way.records }, () => ({
            $type: "com.atproto.repo.applyWrites#create",
            collection: COLLECTION,
            value: record(written++),
          })),
        },
    })),
  );
  const used = async () => repo.pid === undefined ? NaN : await cpuMs(repo.pid);
  const [start, before] = [performance.now(), await used()];
  await Promise.all(Array.from({ length: way.width }, async () => {
    for (let next = requests.pop(); next; next = requests.pop()) {
      const { status, body } = await xrpc(origin, nsid, next);
      assert.equal(status, 200, JSON.stringify(body));
    }
  }));
  return {
    rate: way.commits / (performance.now() - start) * 1000,
    cpu: (await used() - before) / way.commits,
  };
}

/**
 * Measures the hold and the reference PDS in turns, or instead of that the hold
 * of the checkout `against`; ratios of rates above 1 are the hold's.
 */
export async function measureCommits(
  quick: boolean,
  against?: string,
): Promise<object> {
  await using sandbox = await startTestSandbox();
  const captain = await createForger(sandbox);
  await using program = await startProgram({
    port: freePort(),
    env: { ...holdEnv(sandbox, captain) },
  });
  await using other = against === undefined ? undefined : await startProgram({
    port: freePort(),
    env: { ...holdEnv(sandbox, captain) },
    checkout: against,
  });
  const { alice } = sandbox;
  const { body } = await xrpc(
    sandbox.pds,
    "com.atproto.server.createSession",
    { input: { identifier: alice.handle, password: alice.password } },
  );
  const { accessJwt } = body as { accessJwt: string };
  const holdOf = (name: string, { origin, pid }: Program): Repo => {
    const did = holdDid(origin);
    const token = (nsid: string) => {
      const exp = Math.floor(Date.now() / 1000) + 3_000;
      return captain.token(did, nsid, { claims: { exp } });
    };
    return { name, origin, did, pid, token };
  };
  const repos: [Repo, Repo] = [
    holdOf("hold", program),
    other !== undefined ? holdOf("other checkout", other) : {
      name: "reference PDS",
      origin: sandbox.pds,
      did: alice.did,
      token: () => Promise.resolve(accessJwt),
    },
  ];
  const figures: Record<string, object> = {};
  const peer = repos[1].name;
  await say(
    `| commits/s | hold | ${peer} | ratio | hold records/s | processor ms a commit | ${peer} | ratio |`,
  );
  await say("|---|---:|---:|---:|---:|---:|---:|---:|");
  for (const way of WAYS) {
    const samples = new Map<Repo, Sample[]>();
    for (let round = 0; round < (quick ? 1 : 7); round++) {
      const turn = round % 2 === 0 ? repos : repos.toReversed();
      for (const repo of turn) {
        const measured = samples.get(repo) ?? [];
        samples.set(repo, [...measured, await sample(repo, way)]);
      }
    }
    const of = (key: keyof Sample) =>
      repos.map((repo) =>
        median(samples.get(repo)?.map((sample) => sample[key]) ?? [])
      );
    const [hold = NaN, other = NaN] = of("rate");
    const [cpu = NaN, otherCpu = NaN] = of("cpu");
    const ratio = hold / other;
    figures[way.name] = { hold, [peer]: other, ratio, cpu, otherCpu };
    const cells = [
      ...[hold, other, ratio, hold * way.records],
      ...[cpu, otherCpu, cpu / otherCpu],
    ].map((value) => Number.isNaN(value) ? "" : short(value));
    await say(`| ${way.name} | ${cells.join(" | ")} |`);
  }
  return figures;
}
