/**
 * Commits per second of a hold and of the reference PDS, by the same methods,
 * in turns.
 *
 * @module
 */

import assert from "node:assert/strict";
import { median, short } from "../../bench/report.ts";
import { createForger } from "../../support/forger.ts";
import { holdDid, holdEnv } from "../../support/hold.ts";
import { startProgram } from "../../support/program.ts";
import { startTestSandbox } from "../../support/sandbox.ts";
import { freePort } from "../../tools/ports.ts";
import { xrpc } from "../../support/xrpc.ts";
import { say } from "../../tools/command.ts";

const COLLECTION = "com.example.layer";

/** Where records are written. */
interface Repo {
  readonly name: string;
  readonly origin: string;
  readonly did: string;
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

/** Commits of one way per second. */
async function rate(repo: Repo, way: Way): Promise<number> {
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
  const start = performance.now();
  await Promise.all(Array.from({ length: way.width }, async () => {
    for (let next = requests.pop(); next; next = requests.pop()) {
      const { status, body } = await xrpc(origin, nsid, next);
      assert.equal(status, 200, JSON.stringify(body));
    }
  }));
  return way.commits / (performance.now() - start) * 1000;
}

/** Measures both in turns; ratios above 1 are the hold's. */
export async function measureCommits(quick: boolean): Promise<object> {
  await using sandbox = await startTestSandbox();
  const captain = await createForger(sandbox);
  await using program = await startProgram({
    port: freePort(),
    env: { ...holdEnv(sandbox, captain) },
  });
  const { alice } = sandbox;
  const { body } = await xrpc(
    sandbox.pds,
    "com.atproto.server.createSession",
    { input: { identifier: alice.handle, password: alice.password } },
  );
  const { accessJwt } = body as { accessJwt: string };
  const did = holdDid(program.origin);
  const exp = Math.floor(Date.now() / 1000) + 3_000;
  const repos: Repo[] = [
    {
      name: "hold",
      origin: program.origin,
      did,
      token: (nsid) => captain.token(did, nsid, { claims: { exp } }),
    },
    {
      name: "reference PDS",
      origin: sandbox.pds,
      did: alice.did,
      token: () => Promise.resolve(accessJwt),
    },
  ];
  const figures: Record<string, object> = {};
  await say("| commits/s | hold | reference PDS | ratio | hold records/s |");
  await say("|---|---:|---:|---:|---:|");
  for (const way of WAYS) {
    const rates = new Map<Repo, number[]>();
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      const turn = round % 2 === 0 ? repos : repos.toReversed();
      for (const repo of turn) {
        const measured = rates.get(repo) ?? [];
        rates.set(repo, [...measured, await rate(repo, way)]);
      }
    }
    const [hold = NaN, pds = NaN] = repos.map((repo) =>
      median(rates.get(repo) ?? [])
    );
    const ratio = hold / pds;
    figures[way.name] = { hold, pds, ratio };
    const cells = [hold, pds, ratio, hold * way.records].map(short);
    await say(`| ${way.name} | ${cells.join(" | ")} |`);
  }
  return figures;
}
