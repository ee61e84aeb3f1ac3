/**
 * Runs every client that is installed against the product and prints a table of
 * client and action.
 *
 *   deno task test:clients                  all clients
 *   deno task test:clients docker crane     some of them
 *
 * The table is also left in `.tools/client-matrix.md`. The exit code is 1 when
 * an action has failed. docker's engine needs root.
 *
 * @module
 */

import { join } from "node:path";
import { chooser } from "../tools/choice.ts";
import { say } from "../tools/command.ts";
import { TOOLS_DIR } from "../tools/paths.ts";
import { type Product, startProduct } from "../tools/product.ts";
import { type Engine, removeEngineFolder, startEngine } from "./engine.ts";
import { testImages } from "./images.ts";
import { type Row, runSuite, table } from "./matrix.ts";
import { RegistryApi } from "./registry_api.ts";
import type { Suite } from "./suite.ts";
import { buildah } from "./suites/buildah.ts";
import { buildkit } from "./suites/buildkit.ts";
import { compose } from "./suites/compose.ts";
import { cosign } from "./suites/cosign.ts";
import { crane } from "./suites/crane.ts";
import { crictl } from "./suites/crictl.ts";
import { ctr } from "./suites/ctr.ts";
import { docker } from "./suites/docker.ts";
import { flux } from "./suites/flux.ts";
import { helm } from "./suites/helm.ts";
import { imagetools } from "./suites/imagetools.ts";
import { jib } from "./suites/jib.ts";
import { ko } from "./suites/ko.ts";
import { oras } from "./suites/oras.ts";
import { orasPy } from "./suites/oras_py.ts";
import { podman } from "./suites/podman.ts";
import { pythonDxf } from "./suites/python_dxf.ts";
import { regctl } from "./suites/regctl.ts";
import { ociClient, ociDistribution } from "./suites/rust.ts";
import { skopeo } from "./suites/skopeo.ts";
import { transfer } from "./suites/transfer.ts";

const SUITES: readonly Suite[] = [
  docker,
  podman,
  buildah,
  skopeo,
  crane,
  oras,
  regctl,
  helm,
  cosign,
  ctr,
  crictl,
  buildkit,
  imagetools,
  compose,
  flux,
  ko,
  jib,
  orasPy,
  pythonDxf,
  ociClient,
  ociDistribution,
  transfer,
];

const wanted = await chooser(SUITES.map(({ name }) => name), Deno.args);
const chosen = SUITES.filter(({ name }) => wanted(name));

const work = await Deno.makeTempDir({ prefix: "atcr-clients-" });
let product: Product | undefined;
let engine: Engine | undefined;
const rows: Row[] = [];
try {
  const images = await testImages();
  const dataDir = join(work, "data");
  await Deno.mkdir(dataDir);
  product = await startProduct({ dataDir });
  let noEngine = "";
  if (chosen.some((suite) => suite.engine)) {
    try {
      engine = await startEngine(join(work, "docker"));
    } catch (error) {
      noEngine = error instanceof Error ? error.message : String(error);
    }
  }
  const { host, alice, bob } = product;
  const world = {
    host,
    alice,
    bob,
    images,
    work,
    api: new RegistryApi(host, alice),
    env: {
      ...(engine === undefined ? {} : {
        DOCKER_HOST: engine.address,
        CONTAINERD_ADDRESS: engine.containerd,
      }),
    },
  };
  for (const suite of chosen) {
    if (suite.engine && engine === undefined) {
      const outcome = { action: "all", state: "skip", ms: 0 } as const;
      const outcomes = [{ ...outcome, words: noEngine }];
      rows.push({ client: suite.name, version: "?", outcomes });
    } else {
      rows.push(await runSuite(suite, world));
    }
  }
} finally {
  await engine?.stop();
  await product?.stop();
  await removeEngineFolder(work);
}

const text = table(rows);
await say(`\n${text}`);
await Deno.writeTextFile(join(TOOLS_DIR, "client-matrix.md"), text);
const failed = rows.flatMap(({ outcomes }) => outcomes)
  .some(({ state }) => state === "FAIL");
Deno.exit(failed ? 1 : 0);
