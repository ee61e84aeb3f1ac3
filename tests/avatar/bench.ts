/**
 * Speed of the avatar service beside sharp, vipsthumbnail and imgproxy, in one
 * run on one machine: trust the ratios and the minima.
 *
 *   deno task bench:avatar [folder of photos]
 *
 * Prints a table, and the same as JSON at the end.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../lib/avatar/image/image_limits.ts";
import { render, type RenderRequest } from "../../lib/avatar/image/render.ts";
import { workerLane } from "../../lib/avatar/pool/lane.ts";
import { DEFAULT_POOL } from "../../lib/avatar/pool/bounds.ts";
import { RenderPool } from "../../lib/avatar/pool/pool.ts";
import { systemClock } from "../../lib/clock.ts";
import { load } from "./load.ts";
import { sharp } from "./oracle.ts";
import { openPeers, type Peer } from "./peers.ts";
import { graphic, photos } from "./photos.ts";
import { startAvatars } from "./process.ts";
import { say } from "./say.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const REQUEST: RenderRequest = {
  width: 200,
  height: 200,
  fit: "cover",
  density: 1,
  enlarge: false,
  format: "webp",
  quality: 85,
};
const LIMITS = { ...DEFAULT_LIMITS, maxBytes: 1e9 };
const WARM_UP = 5;

interface Times {
  readonly median: number;
  readonly least: number;
}

const results: Record<string, unknown> = {};

function timesOf(milliseconds: number[]): Times {
  milliseconds.sort((a, b) => a - b);
  return {
    median: milliseconds[milliseconds.length >> 1] ?? NaN,
    least: milliseconds[0] ?? NaN,
  };
}

/** Times of several implementations, measured in turns. */
async function inTurns(
  rounds: number,
  ways: Record<string, () => Promise<unknown>>,
): Promise<Record<string, Times>> {
  const taken: Record<string, number[]> = {};
  for (let i = -WARM_UP; i < rounds; i++) {
    for (const [name, way] of Object.entries(ways)) {
      const started = performance.now();
      await way();
      if (i >= 0) (taken[name] ??= []).push(performance.now() - started);
    }
  }
  return Object.fromEntries(
    Object.entries(taken).map(([name, list]) => [name, timesOf(list)]),
  );
}

const row = (cells: readonly (string | number)[]) =>
  say(
    cells.map((cell, i) =>
      typeof cell === "number"
        ? cell.toFixed(2).padStart(9)
        : i === 0
        ? cell.padEnd(30)
        : cell.padStart(9)
    ).join(" "),
  );

/** Ours beside sharp, for one picture and format. */
async function compare(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  format: "webp" | "jpg" | "png" = "webp",
): Promise<void> {
  const theirs = () => {
    const resized = sharp(bytes).autoOrient().resize(200, 200, {
      fit: "cover",
    });
    return format === "webp"
      ? resized.webp({ quality: 85 }).toBuffer()
      : format === "jpg"
      ? resized.jpeg({ quality: 85 }).toBuffer()
      : resized.png().toBuffer();
  };
  const times = await inTurns(bytes.length > 1e6 ? 15 : 40, {
    ours: () => render(bytes, { ...REQUEST, format }, LIMITS),
    sharp: theirs,
  });
  const { ours, sharp: peer } = times;
  if (ours === undefined || peer === undefined) return;
  const ratio = ours.median / peer.median;
  row([
    `${name} to ${format}`,
    ours.median,
    ours.least,
    peer.median,
    peer.least,
    ratio,
    ours.least / peer.least,
  ]);
  results[`${name} to ${format}`] = { ours, sharp: peer, ratio };
}

/** Ours beside the other services, for one picture. */
async function beside(
  peers: readonly Peer[],
  folder: string,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await Deno.writeFile(`${folder}/source`, bytes);
  const ways = Object.fromEntries(
    peers.map((peer) => [peer.name, () => peer.thumbnail("source")]),
  );
  const ours = "ours";
  const times = await inTurns(15, {
    ...ways,
    [ours]: () => render(bytes, REQUEST, LIMITS),
  });
  const own = times[ours];
  for (const peer of peers) {
    const its = times[peer.name];
    if (own === undefined || its === undefined) continue;
    const { median, least } = its;
    const ratio = own.median / median;
    row([
      peer.name,
      own.median,
      own.least,
      median,
      least,
      ratio,
      own.least / least,
    ]);
    results[`${name}: ${peer.name}`] = { ours: own, peer: its, ratio };
  }
}

/** Pictures a second with two workers, beside sharp with two at a time. */
async function throughput(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const pool = new RenderPool(
    { ...DEFAULT_POOL, lanes: 2 },
    { clock: systemClock, log: silentLogger, openLane: workerLane },
  );
  await pool.start();
  const perSecond = async (one: () => Promise<unknown>, parallel: number) => {
    const until = performance.now() + 3000;
    const started = performance.now();
    let done = 0;
    await Promise.all(Array.from({ length: parallel }, async () => {
      while (performance.now() < until) {
        await one();
        done++;
      }
    }));
    return done / (performance.now() - started) * 1000;
  };
  const job = {
    kind: "render",
    bytes,
    request: REQUEST,
    limits: LIMITS,
  } as const;
  await perSecond(() => pool.run(job), 4);
  const ours = await perSecond(() => pool.run(job), 4);
  const theirs = await perSecond(
    () =>
      sharp(bytes).autoOrient().resize(200, 200, { fit: "cover" })
        .webp({ quality: 85 }).toBuffer(),
    2,
  );
  pool.close();
  say(
    `two workers: ${ours.toFixed(0)} pictures/s, sharp ${
      theirs.toFixed(0)
    }/s, ratio ${(theirs / ours).toFixed(2)}`,
  );
  results.throughput = { ours, sharp: theirs };
}

/** Redirects of a known picture, and first requests, over HTTP. */
async function overHttp(bytes: Uint8Array): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/photo.jpg`, bytes);
    await using service = await startAvatars(folder);
    const path = "/file-photo.jpg.test?w=200&h=200";
    const first = performance.now();
    const response = await fetch(service.origin + path, { redirect: "manual" });
    await response.body?.cancel();
    const firstMs = performance.now() - first;
    const cold: number[] = [];
    for (let w = 201; w < 221; w++) {
      const started = performance.now();
      const { body } = await fetch(
        `${service.origin}/file-photo.jpg.test?w=${w}`,
        { redirect: "manual" },
      );
      await body?.cancel();
      cold.push(performance.now() - started);
    }
    await load(service.port, path, 2000);
    const cpu = service.cpuSeconds();
    const { perSecond, count } = await load(service.port, path, 5000);
    const micros = (service.cpuSeconds() - cpu) / count * 1e6;
    say(
      `first request ${firstMs.toFixed(0)} ms, further sizes ${
        timesOf(cold).median.toFixed(1)
      } ms; redirects ${perSecond.toFixed(0)}/s at ${
        micros.toFixed(0)
      } µs of processor time each`,
    );
    results.http = { firstMs, size: timesOf(cold), perSecond, micros };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const folder = await Deno.makeTempDir();
const peers = await openPeers(folder);
for (const sentence of peers.missing) say(sentence);
row(["200 by 200", "ours", "least", "sharp", "least", "ratio", "of least"]);
const pictures = await photos(Deno.args[0]);
for (const photo of pictures.slice(0, 3)) {
  const small = await photo.jpeg(1000);
  await compare(`${photo.name} 1000 JPEG`, small);
  if (photo !== pictures[0]) continue;
  await compare(`${photo.name} 1000 JPEG`, small, "jpg");
  await compare(`${photo.name} 1000 JPEG`, small, "png");
  await compare(`${photo.name} 1000 prog.`, await photo.progressive(1000));
  await compare(`${photo.name} 1000 PNG`, await photo.png(1000));
  await compare(`${photo.name} 3000 JPEG`, await photo.jpeg(3000));
  const large = await photo.png(3000);
  await compare(`${photo.name} 3000 PNG`, large);
  row([`beside ${photo.name} 1000 JPEG`, "ours", "least", "peer", "least"]);
  await beside(peers.found, folder, `${photo.name} 1000 JPEG`, small);
  row([`beside ${photo.name} 3000 PNG`, "ours", "least", "peer", "least"]);
  await beside(peers.found, folder, `${photo.name} 3000 PNG`, large);
}
await compare("graphic 3000 PNG", await graphic(3000));
const sample = await pictures[0]?.jpeg(1000);
if (sample !== undefined) {
  await throughput(sample);
  await overHttp(sample);
}
await peers[Symbol.asyncDispose]();
await Deno.remove(folder, { recursive: true });
say(JSON.stringify(results));
