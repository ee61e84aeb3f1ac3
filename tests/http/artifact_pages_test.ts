/**
 * Pages of artifacts as the clients of the network push them: an image for
 * several platforms with attestations as BuildKit writes it, and with the real
 * programs, where they are installed, a chart, a signed image, a module and a
 * model.
 */

import assert from "node:assert/strict";
import {
  artifact,
  descriptor,
  EMPTY_JSON,
  imageIndex,
  imageManifest,
  manifest,
  randomBlob,
  textBlob,
  TYPES,
} from "../support/oci.ts";
import { call, expect, Repository, textOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";

const server = sharedServer();
const [helm, oras, cosign] = await Promise.all(
  ["helm", "oras", "cosign"].map(findProgram),
);

const IN_TOTO = "application/vnd.in-toto+json";

/** The text of a page, without its tags. */
async function page(path: string): Promise<string> {
  const answer = await call(new URL(path, server().origin), "GET");
  const html = textOf(expect(answer, 200));
  return html.replace(/<(?:script|style)[\s\S]*?<\/(?:script|style)>/g, "")
    .replace(/<[^>]*>/g, "").replaceAll("&quot;", '"').replace(/\s+/g, " ");
}

const alices = (name: string) =>
  new Repository(server(), server().alice, `alice.test/${name}`);

/** A folder for a program, with nothing of the machine's own settings. */
async function inFolder(
  body: (folder: string, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "atcr-artifacts-" });
  try {
    await body(folder, {
      HOME: folder,
      DOCKER_CONFIG: folder,
      COSIGN_PASSWORD: "password",
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An image of one platform. */
async function pushPlatform(repository: Repository, architecture: string) {
  const layer = randomBlob(2_000);
  const config = textBlob(JSON.stringify({
    os: "linux",
    architecture,
    config: { Cmd: ["serve"], Env: ["MODE=production"] },
    history: [{ created_by: "COPY app /app # buildkit" }],
  }));
  for (const blob of [layer, config]) await repository.pushBlob(blob);
  const image = imageManifest(config, [layer]);
  expect(await repository.putManifest(image), 201);
  const platform = { os: "linux", architecture };
  return { ...image.descriptor, platform };
}

Deno.test("an index of BuildKit shows its platforms, and its attestations apart from them", async () => {
  const repository = alices("built");
  const images = [
    await pushPlatform(repository, "amd64"),
    await pushPlatform(repository, "arm64"),
  ];
  const entries = [];
  for (const { digest } of images) {
    const statement = textBlob(JSON.stringify({ subject: [digest] }));
    const config = textBlob('{"architecture":"unknown","os":"unknown"}');
    for (const blob of [statement, config]) await repository.pushBlob(blob);
    const attestation = imageManifest(config, [], {
      layers: [{
        ...descriptor(statement, IN_TOTO),
        annotations: {
          "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2",
        },
      }],
    });
    expect(await repository.putManifest(attestation), 201);
    entries.push({
      ...attestation.descriptor,
      annotations: {
        "vnd.docker.reference.digest": digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { os: "unknown", architecture: "unknown" },
    });
  }
  const index = imageIndex([...images, ...entries]);
  expect(await repository.putManifest(index, "1.0"), 201);
  const image = await page("/r/alice.test/built:1.0");
  assert.match(image, /linux\/amd64 .*linux\/arm64/);
  assert.match(image, /Kind ?Container image/);
  assert.match(image, /docker pull \S+\/alice\.test\/built:1\.0/);
  assert.match(image, /COPY app \/app/);
  assert.match(image, /Command ?serve/);
  assert.match(image, /MODE ?production/);
  assert.match(image, /Attestation ?for linux\/amd64/);
  assert.match(image, /Attestation ?for linux\/arm64/);
  // The manifest's own text, folded, is the only place for them.
  assert.doesNotMatch(image, /unknown\/unknown/);
  for (const path of ["/r/alice.test/built", "/r/alice.test/built/-/tags"]) {
    const list = await page(path);
    assert.match(list, /linux\/amd64/, path);
    assert.doesNotMatch(list, /unknown/, path);
  }
  const other = await page("/r/alice.test/built:1.0?platform=linux/arm64");
  assert.match(other, /Platform ?linux\/arm64/);
});

Deno.test("a module, a model and a signature are shown as what they are, from exact manifests", async () => {
  const repository = alices("kinds");
  const file = randomBlob(3_000);
  for (const blob of [file, EMPTY_JSON]) await repository.pushBlob(blob);
  const config = textBlob(JSON.stringify({
    descriptor: { name: "tiny", family: "llama" },
    config: { paramSize: "1b", quantization: "q4" },
  }));
  await repository.pushBlob(config);
  const wasm = manifest({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: descriptor(EMPTY_JSON, "application/vnd.wasm.config.v0+json"),
    layers: [descriptor(file, "application/wasm")],
  });
  expect(await repository.putManifest(wasm, "wasm"), 201);
  const model = artifact(
    "application/vnd.cncf.model.manifest.v1+json",
    undefined,
    {
      config: descriptor(config, "application/vnd.cncf.model.config.v1+json"),
      layers: [{
        ...descriptor(file, "application/vnd.cncf.model.weight.v1.tar"),
        annotations: { "org.opencontainers.image.title": "model.gguf" },
      }],
    },
  );
  expect(await repository.putManifest(model, "model"), 201);
  const image = await repository.pushImage("signed");
  const bundle = artifact(
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    image.descriptor,
  );
  expect(await repository.putManifest(bundle), 201);
  const shown = await page("/r/alice.test/kinds:wasm");
  assert.match(shown, /Kind ?WebAssembly module/);
  assert.match(shown, /oras pull \S+\/alice\.test\/kinds:wasm/);
  assert.match(shown, /application\/wasm/);
  const models = await page("/r/alice.test/kinds:model");
  assert.match(models, /Kind ?Model/);
  assert.match(models, /oras pull \S+\/alice\.test\/kinds:model/);
  assert.match(models, /model\.gguf/);
  assert.match(models, /Configuration ?descriptor ?\{"name":"tiny"/);
  const signed = await page("/r/alice.test/kinds:signed");
  assert.match(signed, /Attached.*Attestation.*sigstore\.bundle/);
});

Deno.test({
  name:
    "a chart that helm pushes has its chart file on the page, and helm's command",
  ignore: helm === undefined,
  fn: () =>
    inFolder(async (folder, env) => {
      const { host, alice } = server();
      const helmRun = (args: string[], input?: string) =>
        run(helm ?? "", args, {
          cwd: folder,
          env,
          ...(input === undefined ? {} : { input }),
        });
      await helmRun(["create", "gateway"]);
      await helmRun(["package", "gateway", "--version", "1.2.0+build.7"]);
      const user = ["-u", alice.handle, "--password-stdin"];
      await helmRun(
        ["registry", "login", "--plain-http", ...user, host],
        alice.appPassword,
      );
      await helmRun([
        ...["push", "--plain-http", "gateway-1.2.0+build.7.tgz"],
        `oci://${host}/alice.test/charts`,
      ]);
      const chart = await page(
        "/r/alice.test/charts/gateway:1.2.0_build.7",
      );
      assert.match(chart, /Kind ?Helm chart/);
      assert.match(
        chart,
        /helm pull oci:\/\/\S+\/alice\.test\/charts\/gateway --version 1\.2\.0\+build\.7/,
      );
      assert.match(chart, /Chart.*name ?gateway.*version ?1\.2\.0\+build\.7/);
      assert.match(chart, /A Helm chart for Kubernetes/);
      const list = await page("/search?kind=helm");
      assert.match(list, /alice\.test\/charts\/gateway/);
    }),
});

Deno.test({
  name: "a module and a model that oras pushes are shown with their files",
  ignore: oras === undefined,
  fn: () =>
    inFolder(async (folder, env) => {
      const { host, alice } = server();
      const orasRun = (args: string[], input?: string) =>
        run(oras ?? "", args, {
          cwd: folder,
          env,
          ...(input === undefined ? {} : { input }),
        });
      await Deno.writeTextFile(`${folder}/filter.wasm`, "\0asm");
      await Deno.writeTextFile(`${folder}/weights.safetensors`, "weights");
      await Deno.writeTextFile(`${folder}/model.json`, '{"family":"tiny"}');
      const user = ["-u", alice.handle, "--password-stdin"];
      await orasRun(
        ["login", "--plain-http", ...user, host],
        alice.appPassword,
      );
      await orasRun([
        ...["push", "--plain-http", `${host}/alice.test/filter:1`],
        ...["--artifact-type", "application/vnd.wasm.content.layer.v1+wasm"],
        "filter.wasm:application/wasm",
      ]);
      await orasRun([
        ...["push", "--plain-http", `${host}/alice.test/tiny:1`],
        ...["--artifact-type", "application/vnd.cncf.model.manifest.v1+json"],
        ...[
          "--config",
          "model.json:application/vnd.cncf.model.config.v1+json",
        ],
        "weights.safetensors:application/vnd.cncf.model.weight.v1.raw",
      ]);
      const module = await page("/r/alice.test/filter:1");
      assert.match(module, /Kind ?WebAssembly module/);
      assert.match(module, /filter\.wasm/);
      assert.match(module, /oras pull \S+\/alice\.test\/filter:1/);
      const model = await page("/r/alice.test/tiny:1");
      assert.match(model, /Kind ?Model/);
      assert.match(model, /weights\.safetensors/);
      assert.match(model, /Configuration ?family ?tiny/);
    }),
});

Deno.test({
  name:
    "signatures of cosign are attached to the image, by tag and as a referrer",
  ignore: cosign === undefined,
  fn: () =>
    inFolder(async (folder, env) => {
      const { host, alice } = server();
      const cosignRun = (args: string[], input?: string) =>
        run(cosign ?? "", args, {
          cwd: folder,
          env: { ...env, COSIGN_EXPERIMENTAL: "1" },
          ...(input === undefined ? {} : { input }),
        });
      const image = await alices("signed").pushImage("1.0");
      const user = ["-u", alice.handle, "--password-stdin"];
      await cosignRun(["login", ...user, host], alice.appPassword);
      await cosignRun(["generate-key-pair"]);
      const sign = [
        ...["sign", "--yes", "--tlog-upload=false", "--key", "cosign.key"],
        ...["--allow-http-registry", "--allow-insecure-registry"],
      ];
      const name = `${host}/alice.test/signed@${image.digest}`;
      await cosignRun([...sign, "--registry-referrers-mode", "oci-1-1", name]);
      const byDigest = await page(`/r/alice.test/signed@${image.digest}`);
      assert.match(byDigest, /Attached.*Signature/);
      await cosignRun([...sign, name]);
      const tag = image.digest.replace(":", "-") + ".sig";
      const signature = await page(`/r/alice.test/signed:${tag}`);
      assert.match(signature, /Kind ?Signature/);
      assert.match(signature, /dev\.cosignproject\.cosign\/signature/);
    }),
});
