/**
 * A line of numbers over time, as a picture with a table behind it.
 *
 * @module
 */

/** One number of a line. */
export interface Point {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly value: number;
}

const WIDTH = 600;
const HEIGHT = 80;
/** Room for the width of the line, in the units of the picture. */
const EDGE = 2;

/** The line through `points`; `label` says in words what it shows. Nothing for fewer than two. */
export function Sparkline(
  { points, label }: { points: readonly Point[]; label: string },
) {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last || points.length < 2) return null;
  const most = Math.max(...points.map(({ value }) => value), 1);
  const x = (at: number) =>
    EDGE + (at - first.at) / (last.at - first.at) * (WIDTH - 2 * EDGE);
  const y = (value: number) =>
    HEIGHT - EDGE - value / most * (HEIGHT - 2 * EDGE);
  const line = points.map(({ at, value }, i) =>
    `${i === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`
  ).join("");
  const end = `L${x(last.at).toFixed(1)} ${HEIGHT}L${EDGE} ${HEIGHT}z`;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="area" d={`${line}${end}`} />
      <path class="line" d={line} />
    </svg>
  );
}
