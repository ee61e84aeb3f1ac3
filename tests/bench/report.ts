/**
 * Tables of what was measured.
 *
 * @module
 */

import type { Sample } from "./load.ts";
import { EARLIER, PRODUCT } from "./target.ts";

/** A sample and the processor time of the server, in milliseconds an operation. */
export interface Measurement extends Sample {
  readonly cpuMs: number;
}

/** All samples of one row, by the name of the registry. */
export interface Measured {
  readonly row: string;
  readonly samples: ReadonlyMap<string, readonly Measurement[]>;
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] = [
    sorted[(sorted.length - 1) >> 1],
    sorted[middle],
  ];
  return (low + high) / 2;
}

/** Rates, 99th percentiles, processor time and ratios to the peers as a Markdown table. */
export function rateTable(
  measured: readonly Measured[],
  names: readonly string[],
): string {
  const peers = names.filter((name) => name !== PRODUCT);
  const lines = [
    `| row | ${
      names.map((name) => `${name} /s (p99 ms; CPU ms)`).join(" | ")
    } | ` +
    `${peers.map((name) => `x ${name}`).join(" | ")} |`,
    `|---|${"---:|".repeat(names.length + peers.length)}`,
  ];
  for (const { row, samples } of measured) {
    const rate = (name: string) =>
      median((samples.get(name) ?? []).map((sample) => sample.rate));
    const cost = (name: string) =>
      median((samples.get(name) ?? []).map((sample) => sample.cpuMs));
    const cells = names.map((name) => {
      const list = samples.get(name) ?? [];
      if (list.length === 0) return "-";
      const p99 = median(list.map((sample) => sample.p99));
      const speed = median(list.map((sample) => sample.bytesPerSecond)) / 1e6;
      const bytes = speed > 0 ? `, ${speed.toFixed(0)} MB/s` : "";
      const cpu = cost(name);
      return `${short(rate(name))} (${short(p99)}; ${short(cpu)}${bytes})`;
    });
    const ratios = peers.map((name) => {
      const ratio = rate(PRODUCT) / rate(name);
      if (!Number.isFinite(ratio)) return "-";
      return name === EARLIER
        ? `${ratio.toFixed(2)} (CPU ${(cost(PRODUCT) / cost(name)).toFixed(3)})`
        : ratio.toFixed(2);
    });
    lines.push(`| ${[row, ...cells, ...ratios].join(" | ")} |`);
  }
  return lines.join("\n");
}

/** Three figures are enough, and all that the noise leaves. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "?";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
