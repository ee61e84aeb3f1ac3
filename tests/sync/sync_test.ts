/** Independent consumers follow a hold through mixed operations and kill -9. */

import assert from "node:assert/strict";
import { verifyRepoCar } from "@atproto/repo";
import { z } from "zod";
import { createForger } from "../support/forger.ts";
import { holdEnv } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { SyncVerifier } from "../support/sync_verifier.ts";
import { until } from "../support/until.ts";
import { xrpc } from "../support/xrpc.ts";
import { run, say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import {
  startLibraryConsumer,
  startRelay,
  startStrictConsumer,
} from "./consumers.ts";
import { Writer } from "./operations.ts";

const OPERATIONS = 2_000;
const KILLS = 3;
const WRITERS = 4;

const repos = z.object({ repos: z.array(z.object({ did: z.string() })) });
/** What the relay logs; requests have no level. */
const logLine = z.looseObject({
  level: z.string().default("INFO"),
  msg: z.string().default(""),
  rev: z.string().optional(),
  prevRev: z.string().optional(),
});
const latest = z.object({ cid: z.string(), rev: z.string() });

/** The hold, which can be killed and started again. */
async function openHold() {
  const opened = new AsyncDisposableStack();
  const sandbox = opened.use(await startTestSandbox());
  const captain = await createForger(sandbox);
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-sync-" });
  opened.defer(() => Deno.remove(dataDir, { recursive: true }));
  const [port = 0, relayPort = 0] = freePorts(2);
  const env = {
    ...holdEnv(sandbox, captain),
    // A relay takes no did:web with a port.
    ATCR_HOLD_DID_METHOD: "plc",
    ATCR_LOG_LEVEL: "warn",
  };
  // The line that says that it is ready is one of `info`.
  const start = () =>
    startProgram({ port, dataDir, env: { ...env, ATCR_LOG_LEVEL: "info" } });
  let program: Program = await start();
  opened.defer(() => program[Symbol.asyncDispose]());
  const { origin } = program;
  const { body } = await xrpc(origin, "com.atproto.sync.listRepos");
  const did = repos.parse(body).repos[0]?.did ?? "";
  const response = await fetch(`${sandbox.plc}/${did}/data`);
  const { verificationMethods } = z.object({
    verificationMethods: z.object({ atproto: z.string() }),
  }).parse(await response.json());
  return {
    sandbox,
    captain,
    origin,
    port,
    relayPort,
    did,
    key: verificationMethods.atproto,
    kill: async () => {
      await program.stop("SIGKILL");
      program = await start();
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Hold = Awaited<ReturnType<typeof openHold>>;

/** Performs the operations, killing the hold in between; tells the writers. */
async function operate(hold: Hold): Promise<Writer[]> {
  const writers = Array.from(
    { length: WRITERS },
    (_, i) => new Writer(hold, `w${i}`, 17 + i),
  );
  let done = 0;
  for (let round = 1; round <= KILLS + 1; round++) {
    const goal = OPERATIONS * round / (KILLS + 1);
    let down = false;
    const working = writers.map(async (writer) => {
      while (!down) {
        try {
          // Not in one expression: others count meanwhile.
          const more = await writer.step();
          done += more;
        } catch (error) {
          if (!down) throw error;
        }
        if (round > KILLS && done >= goal) return;
      }
    });
    if (round <= KILLS) {
      await until(() => done >= goal, () => done);
      down = true;
      await hold.kill();
    }
    await Promise.all(working);
  }
  await say(`${done} operations were acknowledged, with ${KILLS} kill -9`);
  return writers;
}

async function exportOf(hold: Hold): Promise<Uint8Array> {
  const params = { did: hold.did };
  return (await xrpc(hold.origin, "com.atproto.sync.getRepo", { params }))
    .bytes;
}

Deno.test("independent consumers accept the repo and its events across kill -9", async () => {
  await using hold = await openHold();
  const { did, key, origin, sandbox } = hold;
  await using library = startLibraryConsumer(origin, sandbox.plc);
  await using strict = startStrictConsumer(origin, new SyncVerifier(did, key));
  const writers = await operate(hold);

  const params = { did };
  const { body } = await xrpc(origin, "com.atproto.sync.getLatestCommit", {
    params,
  });
  const { rev, cid } = latest.parse(body);
  await until(() => strict.verifier.rev === rev, () => strict.failure);
  assert.equal(strict.failure, undefined);
  assert.equal(strict.verifier.commit, cid);
  assert.ok(strict.connections > KILLS);
  const car = await exportOf(hold);
  await strict.verifier.assertExport(car);

  const { creates } = await verifyRepoCar(car, did, key);
  const exported = Object.fromEntries(
    creates.map(({ collection, rkey, cid }) =>
      [`${collection}/${rkey}`, `${cid}`] as const
    ),
  );
  await until(
    async () => (await library.report()).cursor >= (strict.verifier.seq ?? 0),
    () => library.report(),
  );
  const seen = await library.report();
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.records, exported);
  const { commits, ops } = strict.verifier;
  await say(
    `the strict verifier took ${commits} commits with ${ops} operations over ` +
      `${strict.connections} connections; @atproto/sync saw ` +
      `${JSON.stringify(seen.counts)}; ` +
      `the CAR of ${car.length} bytes has ${creates.length} records`,
  );
  // What was acknowledged is there.
  const present = new Set(creates.map(({ rkey }) => rkey));
  for (const writer of writers) {
    for (const rkey of writer.known.keys()) {
      assert.ok(present.has(rkey) || writer.unsure.has(rkey), rkey);
    }
  }
});

const relayProgram = await findProgram("relay");
const goatProgram = await findProgram("goat");

Deno.test({
  name: "a relay of the network accepts the events and forwards them",
  ignore: relayProgram === undefined,
  fn: async () => {
    await using hold = await openHold();
    const { did, key, origin, port, sandbox } = hold;
    const program = relayProgram ?? "";
    await using relay = await startRelay(
      program,
      hold.relayPort,
      sandbox.plc,
      port,
    );
    await using strict = startStrictConsumer(
      relay.origin,
      new SyncVerifier(did, key),
    );
    await operate(hold);
    const head = await xrpc(origin, "com.atproto.sync.getLatestCommit", {
      params: { did },
    });
    const { rev } = latest.parse(head.body);
    const status = () =>
      xrpc(relay.origin, "com.atproto.sync.getLatestCommit", {
        params: { did },
      });
    await until(
      async () => latest.safeParse((await status()).body).data?.rev === rev,
      async () => [(await status()).body, (await relay.log()).slice(-3_000)],
    );
    await until(() => strict.verifier.rev === rev, () => strict.failure);
    const host = await xrpc(relay.origin, "com.atproto.sync.getHostStatus", {
      params: { hostname: `localhost:${port}` },
    });
    const log = (await relay.log()).split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => logLine.parse(JSON.parse(line)));
    // After a reconnection it receives its last event again.
    const complaints = log.filter(({ level, rev, prevRev, msg }) =>
      level !== "INFO" && (rev === undefined || rev !== prevRev) &&
      !/dialing failed|connection failed/.test(msg)
    );
    await say(`the relay says ${JSON.stringify(host.body)}`);
    assert.deepEqual(complaints, []);
    await strict.verifier.assertExport(await exportOf(hold));
  },
});

Deno.test({
  name: "goat reads the repo, its identity and its events",
  ignore: goatProgram === undefined,
  fn: async () => {
    await using hold = await openHold();
    const { did, origin, sandbox } = hold;
    const writer = new Writer(hold, "w", 5);
    for (let i = 0; i < 50; i++) await writer.step();
    const folder = await Deno.makeTempDir();
    const goat = async (...args: string[]) => {
      const env = { ATP_PLC_HOST: sandbox.plc };
      const { stdout, stderr } = await run(goatProgram ?? "", args, {
        env,
        cwd: folder,
      });
      return { stdout, stderr };
    };
    const described = await goat("pds", "describe", origin);
    await say(described.stdout.trim());
    assert.match(described.stdout, new RegExp(did));
    const car = `${folder}/hold.car`;
    await Deno.writeFile(car, await exportOf(hold));
    const inspected = await goat("repo", "inspect", car);
    await say(inspected.stdout.trim());
    assert.match(inspected.stdout, new RegExp(did));
    const listed = await goat("repo", "ls", car);
    assert.ok(listed.stdout.split("\n").length > 10);
    // It asks plc.directory for keys, so that signatures are for the others.
    const { stderr } = await new Deno.Command("timeout", {
      args: [
        ...["3", goatProgram ?? "", "firehose"],
        ...["--relay-host", origin.replace("http", "ws"), "--cursor", "1"],
        ...["--verify-basic", "--verify-mst"],
      ],
      stdin: "null",
    }).output();
    const complaints = new TextDecoder().decode(stderr).split("\n")
      .filter((line) => /"level":"(WARN|ERROR)"/.test(line))
      // The first commit of a repo has nothing before it.
      .filter((line) => !line.includes("prevData is nil"));
    assert.deepEqual(complaints, []);
    await Deno.remove(folder, { recursive: true });
  },
});
