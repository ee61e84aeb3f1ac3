/**
 * One very large layer up and down, with its length and in small chunks, and
 * what that costs the server's memory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { cpuMs, peakRss, resetPeakRss } from "../tools/server.ts";
import { keyStream } from "../clients/images.ts";
import { expectStatus, target as locationOf } from "./actions.ts";
import { MB } from "./content.ts";
import { authorization, type Starter, type Target } from "./target.ts";
import { Wire } from "./wire.ts";

const PIECE_BYTES = 32_768;

/**
 * Moves a layer of `gib` GiB through each registry.
 *
 * @returns a Markdown table.
 */
export async function measureLarge(
  starters: readonly Starter[],
  gib: number,
): Promise<string> {
  const lines = [
    "| registry | a layer of " + gib + " GiB | MB/s | server CPU s | " +
    "peak RSS MB | at rest MB |",
    "|---|---|---:|---:|---:|---:|",
  ];
  for (const starter of starters) {
    const work = await Deno.makeTempDir({ prefix: "atcr-large-" });
    const target = await starter.start(join(work, starter.name));
    try {
      for (const chunked of [false, true]) {
        lines.push(...await upAndDown(target, gib, chunked));
      }
    } finally {
      await target.stop();
      await Deno.remove(work, { recursive: true });
    }
  }
  return lines.join("\n");
}

async function upAndDown(
  target: Target,
  gib: number,
  chunked: boolean,
): Promise<string[]> {
  const size = Math.round(gib * 1024) * MB;
  const pieces = layer(size, chunked ? 1 : 2);
  const digest = digestOf(pieces);
  const repo = target.repo("large");
  const auth = await authorization(target, repo);
  const how = chunked ? "chunked in 32 kB" : "with its length";
  const up = await cost(target, size, `up, ${how}`, async () => {
    const wire = new Wire(target.host);
    const opened = await wire.call({
      method: "POST",
      path: `/v2/${repo}/blobs/uploads/`,
      headers: auth,
    });
    expectStatus(opened, 202, "POST of an upload");
    const headers = `${auth}content-type: application/octet-stream\r\n`;
    const patched = await wire.call({
      method: "PATCH",
      path: locationOf(opened),
      headers,
      body: pieces,
      chunked,
    });
    expectStatus(patched, 202, "PATCH of an upload");
    const path = locationOf(patched);
    const closed = await wire.call({
      method: "PUT",
      path: `${path}${path.includes("?") ? "&" : "?"}digest=${digest}`,
      headers,
    });
    expectStatus(closed, 201, "PUT of an upload");
    wire.close();
  });
  const down = await cost(target, size, "down", async () => {
    const wire = new Wire(target.host);
    const answer = await wire.call({
      method: "GET",
      path: `/v2/${repo}/blobs/${digest}`,
      headers: auth,
    });
    expectStatus(answer, 200, "GET of a blob");
    if (answer.bytes !== size) throw new Error(`got ${answer.bytes} bytes`);
    wire.close();
  });
  return [up, down];
}

async function cost(
  target: Target,
  size: number,
  what: string,
  work: () => Promise<void>,
): Promise<string> {
  await resetPeakRss(target.pid);
  const rest = await peakRss(target.pid);
  const before = await cpuMs(target.pid);
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const cpu = (await cpuMs(target.pid) - before) / 1000;
  const peak = await peakRss(target.pid);
  const cells = [
    target.name,
    what,
    (size / 1e6 / seconds).toFixed(0),
    cpu.toFixed(1),
    (peak / 1e6).toFixed(0),
    (rest / 1e6).toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Pieces that repeat every 64 MB, after a first one that is unlike others. */
function layer(size: number, key: number): Uint8Array[] {
  const noise = keyStream(90 + key, 64 * MB);
  return Array.from({ length: size / PIECE_BYTES }, (_, i) => {
    const at = (i * PIECE_BYTES) % noise.length;
    return noise.subarray(at, at + PIECE_BYTES);
  });
}

function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return `sha256:${hash.digest("hex")}`;
}
