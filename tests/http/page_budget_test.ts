/** What a browser loads when it opens the page of a repository for the first time. */

import assert from "node:assert/strict";
import { get, type IncomingMessage } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import {
  imageIndex,
  imageManifest,
  randomBlob,
  textBlob,
} from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { expect, repositoriesOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { pageAt } from "../support/pages.ts";
import { until } from "../support/until.ts";

const PAGE_BYTES = 60_000;
const SCRIPT_BYTES = 15_000;

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

interface Loaded {
  readonly path: string;
  readonly type: string;
  /** Bytes on the wire, with the head of the answer. */
  readonly transferred: number;
  readonly text: string;
}

/** Loads an address as a browser does, and counts what arrives. */
async function load(path: string): Promise<Loaded> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { "accept-encoding": "gzip, deflate, br, zstd" };
    get(new URL(path, server().origin), { headers }, resolve)
      .on("error", reject);
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  assert.equal(answer.statusCode, 200, path);
  const body = new Uint8Array(
    await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer(),
  );
  const head = answer.rawHeaders.join("::").length;
  const coding = answer.headers["content-encoding"];
  const bytes = coding === "br"
    ? brotliDecompressSync(body)
    : coding === "gzip"
    ? gunzipSync(body)
    : body;
  return {
    path,
    type: answer.headers["content-type"] ?? "",
    transferred: head + body.byteLength,
    text: new TextDecoder().decode(bytes),
  };
}

/** Pushes a repository as people have it: tags, platforms, layers, a long description. */
async function push(): Promise<void> {
  const repository = alices("budget");
  const entries = [];
  for (const architecture of ["amd64", "arm64", "riscv64"]) {
    const layers = Array.from({ length: 20 }, (_, i) => randomBlob(200 + i));
    const history = layers.map((_, i) => ({ created_by: `RUN step ${i}` }));
    const config = textBlob(
      JSON.stringify({ os: "linux", architecture, history }),
    );
    for (const blob of [...layers, config]) await repository.pushBlob(blob);
    const image = imageManifest(config, layers);
    expect(await repository.putManifest(image), 201);
    entries.push({
      ...image.descriptor,
      platform: { os: "linux", architecture },
    });
  }
  const index = imageIndex(entries);
  for (let i = 0; i < 30; i++) {
    expect(await repository.putManifest(index, `1.${i}`), 201);
  }
  const text = await Deno.readTextFile(
    new URL("../../README.md", import.meta.url),
  );
  await new PdsAccount(server().pds, server().alice).put(
    "io.atcr.repo.page",
    "budget",
    {
      repository: "budget",
      description: text,
      createdAt: new Date().toISOString(),
      updatedAt: new Date().toISOString(),
    },
  );
}

Deno.test("the first look at a repository loads at most 60 kB, 15 kB of them scripts, pictures aside", async () => {
  await push();
  const path = "/r/alice.test/budget";
  await until(async () =>
    (await pageAt(server(), path)).includes('class="prose')
  );
  const page = await load(path);
  const named = page.text.matchAll(
    /<(?:link rel="(?:stylesheet|modulepreload|icon)" href|script type="module" src)="([^"]+)"/g,
  );
  const files = await Promise.all(
    [...named].map(([, address = ""]) => load(address)),
  );
  const rules = await load("/static/prefetch.speculationrules");
  const scripts = files.filter(({ type }) =>
    type.startsWith("text/javascript")
  );
  // Else something was not found in the page.
  assert.ok(scripts.length > 1, page.text.slice(0, 2_000));
  assert.ok(files.some(({ type }) => type.startsWith("text/css")));
  const bytesOf = (list: readonly Loaded[]) =>
    list.reduce((sum, { transferred }) => sum + transferred, 0);
  const all = [page, ...files, rules];
  const table = all.map((one) => `${one.transferred} ${one.path}`).join("\n");
  assert.ok(bytesOf(scripts) <= SCRIPT_BYTES, table);
  assert.ok(bytesOf(all) <= PAGE_BYTES, table);
});
