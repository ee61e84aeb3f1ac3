/**
 * One very large layer up and down, with its length and in small chunks, and
 * what that costs the server's memory.
 *
 * @module
 */

import { join } from "node:path";
import { cpuMs, peakRss, resetPeakRss } from "../tools/server.ts";
import { expectStatus, pushBlob, type Way } from "./actions.ts";
import { blob, MB } from "./content.ts";
import { authorization, type Starter, type Target } from "./target.ts";
import { Wire } from "./wire.ts";

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
      for (const way of ["monolithic", "streamed"] as const) {
        lines.push(...await upAndDown(target, gib, way));
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
  way: Way,
): Promise<string[]> {
  const layer = blob(Math.round(gib * 1024) * MB);
  const { digest, size } = layer;
  const repo = target.repo("large");
  const auth = await authorization(target, repo);
  const how = way === "streamed" ? "chunked in 32 kB" : "with its length";
  const up = await cost(target, size, `up, ${how}`, async () => {
    const wire = new Wire(target.host);
    await pushBlob(wire, repo, auth, layer, way);
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
