/**
 * How a hold is, in words.
 *
 * @module
 */

import type { HoldState, KnownHold } from "../../../lib/index/holds/holds.ts";
import { Age, countText } from "../parts/format.tsx";

/** Whether a hold can be reached; `now` in milliseconds since the Unix epoch. */
export function State({ state, now }: { state: HoldState; now: number }) {
  const { reachable, since, latencyMs, checkedAt } = state;
  if (reachable === undefined) {
    return <span class="state unknown">not looked at yet</span>;
  }
  if (reachable) {
    return (
      <span class="state good">
        answers{latencyMs !== undefined && latencyMs > 0
          ? ` in ${countText(Math.round(latencyMs))} ms`
          : ""}
      </span>
    );
  }
  const at = since ?? checkedAt;
  return (
    <span class="state bad">
      does not answer{at !== undefined && (
        <>
          {" "}(since <Age at={at} now={now} />)
        </>
      )}
    </span>
  );
}

/** Who may do what there. */
export function Access({ facts }: Pick<KnownHold, "facts">) {
  if (!facts) return <span class="soft">not known</span>;
  return (
    <>
      {facts.public ? "everybody may pull" : "only its crew pulls"}
      {", "}
      {facts.allowAllCrew
        ? "everybody who is signed in may join"
        : "members by invitation"}
    </>
  );
}
