/**
 * Sends work over several connections at once and measures it.
 *
 * @module
 */

import { findProgram } from "../tools/paths.ts";
import { run } from "../tools/command.ts";
import { Wire } from "./wire.ts";

/** Connections of rows that repeat one small request. */
export const SMALL_WIDTH = 32;

/** What one measurement gave. */
export interface Sample {
  /** Operations per second. */
  readonly rate: number;
  /** Operations that were measured. */
  readonly operations: number;
  /** Milliseconds that half of them, and 99 of 100, took at most. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes of content per second; 0 where they do not matter. */
  readonly bytesPerSecond: number;
}

/** Does every piece of work once, `width` of them at a time. */
export async function workThrough<T>(
  host: string,
  width: number,
  items: readonly T[],
  work: (wire: Wire, item: T) => Promise<number>,
): Promise<Sample> {
  const left = [...items].reverse();
  const latencies: number[] = [];
  let bytes = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: width }, async () => {
    const wire = new Wire(host);
    for (let item = left.pop(); item !== undefined; item = left.pop()) {
      const begin = performance.now();
      const moved = await work(wire, item);
      bytes += moved;
      latencies.push(performance.now() - begin);
    }
    wire.close();
  }));
  return sample(latencies, bytes, performance.now() - start);
}

/** Repeats a request for a time, on `width` connections. */
export async function repeat(
  host: string,
  width: number,
  ms: number,
  work: (wire: Wire) => Promise<void>,
): Promise<Sample> {
  const latencies: number[] = [];
  const start = performance.now();
  await Promise.all(Array.from({ length: width }, async () => {
    const wire = new Wire(host);
    while (performance.now() - start < ms) {
      const begin = performance.now();
      await work(wire);
      latencies.push(performance.now() - begin);
    }
    wire.close();
  }));
  return sample(latencies, 0, performance.now() - start);
}

/**
 * Repeats a GET with wrk, which leaves more of the processor to the server than
 * we do; without wrk by ourselves.
 *
 * @throws {Error} when answers are not 2xx.
 */
export async function repeatGet(
  host: string,
  path: string,
  headers: string,
  width: number,
  ms: number,
): Promise<Sample> {
  const wrk = await findProgram("wrk");
  if (wrk === undefined) {
    return await repeat(host, width, ms, async (wire) => {
      const { status } = await wire.call({ method: "GET", path, headers });
      if (status !== 200) throw new Error(`GET ${path}: status ${status}`);
    });
  }
  const lines = headers.split("\r\n").filter((line) => line !== "");
  const { stdout } = await run(wrk, [
    ...["-t1", `-c${width}`, `-d${Math.round(ms / 1000)}s`, "--latency"],
    ...lines.flatMap((line) => ["-H", line]),
    `http://${host}${path}`,
  ]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
  if (bad) throw new Error(`GET ${path}: ${bad[1]} answers were not 2xx`);
  return {
    operations: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p50: duration(/ 50%\s+(\S+)/.exec(stdout)?.[1]),
    p99: duration(/ 99%\s+(\S+)/.exec(stdout)?.[1]),
    bytesPerSecond: 0,
  };
}

/** wrk's durations, as milliseconds. */
function duration(text = ""): number {
  const [, number, unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  const factors: Record<string, number> = { us: 0.001, ms: 1, s: 1e3, m: 6e4 };
  return Number(number) * (factors[unit] ?? NaN);
}

function sample(latencies: number[], bytes: number, ms: number): Sample {
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, latencies.length * share | 0)] ??
      NaN;
  return {
    operations: latencies.length,
    rate: latencies.length * 1000 / ms,
    p50: at(0.5),
    p99: at(0.99),
    bytesPerSecond: bytes * 1000 / ms,
  };
}
