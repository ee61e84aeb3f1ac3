/**
 * Drill: three instances on PostgreSQL and a bucket behind a proxy, without
 * stickiness: clients, the conformance program, consumers of the firehose,
 * pictures and a sign-in, then the rates of one, two and three instances.
 *
 *   deno task drill:fronts                     nginx, then Caddy
 *   deno task drill:fronts caddy               one of them
 *   deno task drill:fronts --client skopeo     with these clients only
 *   deno task drill:fronts --seconds 20        for each rate
 *
 * The exit code is 1 when something has failed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { testImages } from "../clients/images.ts";
import { runSuite } from "../clients/matrix.ts";
import { RegistryApi } from "../clients/registry_api.ts";
import { crane } from "../clients/suites/crane.ts";
import { oras } from "../clients/suites/oras.ts";
import { podman } from "../clients/suites/podman.ts";
import { regctl } from "../clients/suites/regctl.ts";
import { skopeo } from "../clients/suites/skopeo.ts";
import { passes } from "../conformance/program.ts";
import { fixture } from "../support/images.ts";
import { setAvatar } from "../support/profile.ts";
import { Repository } from "../support/registry.ts";
import { say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { canRunCluster, type Cluster, startCluster } from "./cluster.ts";
import { Consumer, pullImages, pushImages } from "./drill.ts";
import { FRONTS } from "./front.ts";
import { avatarBytes, connectDevice, isSignedIn, signIn } from "./people.ts";

const CLIENTS = [skopeo, podman, crane, oras, regctl];
const INSTANCES = 3;
const IMAGES = 12;
/** Clients at once while rates are measured. */
const WORKERS = 8;

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    client: { type: "string", multiple: true },
    seconds: { type: "string", default: "10" },
    "no-conformance": { type: "boolean", default: false },
  },
});
const failures: string[] = [];

if (!canRunCluster) {
  await say("PostgreSQL or versitygw is not installed; see deno task tools.");
  Deno.exit(2);
}
for (const kind of FRONTS) {
  if (positionals.length > 0 && !positionals.includes(kind)) continue;
  await say(`\n== ${INSTANCES} instances behind ${kind}`);
  await using cluster = await startCluster({
    instances: INSTANCES,
    front: kind,
  });
  await tried(`${kind}: people`, () => usePeople(cluster));
  await tried(`${kind}: images and events`, () => useImages(cluster));
  for (let count = 1; count <= INSTANCES; count++) {
    await cluster.use(count);
    await tried(`${kind}: ${count} instances`, () => measure(cluster, count));
  }
  await tried(`${kind}: clients`, () => useClients(cluster));
  if (!values["no-conformance"]) {
    await tried(`${kind}: conformance`, () => useConformance(cluster));
  }
}
await say(failures.length === 0 ? "\nall passed" : failures.join("\n"));
Deno.exit(failures.length === 0 ? 0 : 1);

async function tried(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(`FAILED ${name}: ${error}`);
    await say(failures.at(-1) ?? "");
  }
}

async function usePeople({ origin, alice, sandbox }: Cluster): Promise<void> {
  await setAvatar(sandbox, alice, fixture("jpeg/photo-256.jpg"));
  const sizes = new Set<number>();
  for (let i = 0; i < 2 * INSTANCES; i++) {
    sizes.add(await avatarBytes(origin, alice.handle, 96));
  }
  assert.equal(sizes.size, 1);
  const browser = await signIn(origin, alice);
  for (let i = 0; i < 2 * INSTANCES; i++) {
    assert.ok(await isSignedIn(browser));
  }
  const device = await connectDevice(origin, browser, alice);
  await new Repository({ origin }, device, "alice.test/device").pushImage("1");
  await say("sign-in, device and avatar: the same at every instance");
}

/** Each consumer sees every event once and in order, wherever it is connected. */
async function useImages(cluster: Cluster): Promise<void> {
  const places = [cluster, ...cluster.instances];
  const consumers = places.map(({ origin }) => new Consumer(origin, 0));
  for (const consumer of consumers) await consumer.sees("#commit");
  const images = await pushImages(cluster, "image", IMAGES);
  for (const { origin } of cluster.instances) {
    await pullImages({ origin, alice: cluster.alice }, images);
  }
  const numbers = consumers.map(({ seen }) => seen);
  const count = Math.min(...numbers.map(({ length }) => length));
  for (const consumer of consumers) consumer.close();
  for (const seen of numbers) {
    assert.deepEqual(seen.slice(0, count), numbers[0]?.slice(0, count));
  }
  await say(
    `${images.size} images pulled from each instance; ${consumers.length} ` +
      `consumers saw the same ${count} events`,
  );
}

async function useClients({ origin, alice, sandbox }: Cluster): Promise<void> {
  // crane follows no redirect from a name to an address of this machine.
  const host = `127.0.0.1:${new URL(origin).port}`;
  const work = await Deno.makeTempDir({ prefix: "atcr-fronts-" });
  const images = await testImages();
  const world = {
    ...{ host, alice, bob: sandbox.bob, images, work },
    api: new RegistryApi(host, alice),
    env: {},
  };
  const wanted = values.client;
  for (const suite of CLIENTS) {
    if (wanted && !wanted.includes(suite.name)) continue;
    const { outcomes } = await runSuite(suite, world);
    const failed = outcomes.filter(({ state }) => state === "FAIL");
    for (const { action, words } of failed) {
      failures.push(`FAILED ${suite.name}, ${action}: ${words}`);
    }
  }
  await Deno.remove(work, { recursive: true });
}

async function useConformance({ origin, alice }: Cluster): Promise<void> {
  const program = await findProgram("conformance");
  if (program === undefined) {
    await say("The conformance program is not installed: left out.");
    return;
  }
  const registry = { host: new URL(origin).host, alice };
  assert.ok(await passes(program, registry, "1.1"));
}

/** Pushes and pulls small images as fast as the instances can. */
async function measure(cluster: Cluster, count: number): Promise<void> {
  const seconds = Number(values.seconds);
  const rate = async (
    work: (at: Repository, name: string) => Promise<void>,
  ) => {
    const end = performance.now() + seconds * 1000;
    let done = 0;
    const worker = async (index: number) => {
      const name = `alice.test/rate${count}-${index}`;
      const at = new Repository(cluster, cluster.alice, name);
      for (let i = 0; performance.now() < end; i++) {
        await work(at, `${i}`);
        done++;
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, i) => worker(i)));
    return (done / seconds).toFixed(1);
  };
  const pushes = await rate(async (at, tag) => {
    await at.pushImage(tag);
  });
  const pulls = await rate(async (at) => {
    const manifest = await at.send("GET", "manifests/0");
    assert.equal(manifest.status, 200);
    const { layers } = JSON.parse(new TextDecoder().decode(manifest.bytes));
    const layer = await at.send("GET", `blobs/${layers[0].digest}`);
    assert.equal(layer.status, 200);
  });
  await say(
    `${count} of ${INSTANCES} instances, ${WORKERS} clients: ` +
      `${pushes} pushes/s, ${pulls} pulls/s`,
  );
}
