/**
 * Preloaded into an instance: moves its wall clock by the milliseconds that a
 * file names. Timers and `performance.now()` keep their pace, as they do when
 * the clock of a machine is set.
 *
 * @module
 */

const RealDate = Date;
const realNow = RealDate.now;
const path = Deno.env.get("CHAOS_CLOCK_FILE") ?? "";
const READ_EVERY_MS = 100;

let offsetMs = 0;
const read = () => {
  try {
    offsetMs = Number(Deno.readTextFileSync(path)) || 0;
  } catch {
    offsetMs = 0; // no file: the clock is right
  }
};
read();
Deno.unrefTimer(setInterval(read, READ_EVERY_MS));

const now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => key === "now" ? now : Reflect.get(target, key),
});
