/**
 * Sizes, numbers and times as people read them.
 *
 * @module
 */

const NUMBER = new Intl.NumberFormat("en");
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const EXACT = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "long",
  timeStyle: "short",
  timeZone: "UTC",
});

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const SIZES = UNITS.map((unit) =>
  new Intl.NumberFormat("en", {
    style: "unit",
    unit,
    unitDisplay: unit === "byte" ? "long" : "short",
    maximumSignificantDigits: 3,
  })
);

/** Steps of relative times: up to so many seconds, in the unit of so many. */
const STEPS = [
  [60, 1, "second"],
  [3_600, 60, "minute"],
  [86_400, 3_600, "hour"],
  [14 * 86_400, 86_400, "day"],
  [60 * 86_400, 7 * 86_400, "week"],
  [730 * 86_400, 30.44 * 86_400, "month"],
  [Infinity, 365.25 * 86_400, "year"],
] as const;

/** A size in bytes in words, with powers of 1,000 as clients print them. */
export function sizeText(bytes: number): string {
  let power = 0;
  while (bytes >= 999.5 * 1000 ** power && power < UNITS.length - 1) power++;
  return SIZES[power]?.format(bytes / 1000 ** power) ?? String(bytes);
}

/** A number with separators. */
export function countText(count: number): string {
  return NUMBER.format(count);
}

/** A number of things: `1 tag`, `2 tags`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** A time in words, relative to `now`; both in milliseconds since the Unix epoch. */
function ageText(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  const [, size, unit] = STEPS.find(([end]) => Math.abs(seconds) < end) ??
    STEPS[0];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** A time as its age, with the exact time beside it. */
export function Age({ at, now }: { at: number; now: number }) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return null;
  return (
    <time
      class="nowrap"
      dateTime={date.toISOString()}
      title={`${EXACT.format(date)} UTC`}
    >
      {ageText(at, now)}
    </time>
  );
}
