/**
 * Says on pages that what is shown of the network may be old.
 *
 * @module
 */

import type { MiddlewareHandler } from "@hono/hono";
import type { Clock } from "../../../lib/clock.ts";
import type { NetworkLag } from "../../../lib/index/network/network_lag.ts";
import type { AppEnv } from "../../middleware.ts";
import { Age } from "../parts/format.tsx";
import type { Frame } from "./frame.ts";

/** Lets the pages behind it say what is missing. */
export function sayLag(
  lag: Pick<NetworkLag, "now">,
  clock: Clock,
): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const found = await lag.now();
    if (found) {
      c.set("site", {
        ...c.get("site"),
        lag: { ...found, now: clock.now() },
      });
    }
    await next();
  };
}

/** The sentence; nothing while events arrive. */
export function LagNotice({ lag }: Pick<Frame, "lag">) {
  if (!lag) return null;
  const { kind, since, now } = lag;
  return (
    <p class="notice" role="status">
      {kind === "silent"
        ? "The network has not been heard since "
        : "Events of the network are read late, as far as "}
      <Age at={since} now={now} />
      . What other servers changed since then may be missing here; what is
      pushed to this registry is shown at once.
    </p>
  );
}
