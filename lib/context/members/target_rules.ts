/**
 * Where holds may redirect clients to.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { Did } from "../../did.ts";
import type { TargetRules } from "../../net/client_target.ts";

/**
 * Rules for redirects to the hold `did`; only a hold chosen by the operator may
 * use our own origin.
 */
export function targetRules(
  { server, sandbox }: Config,
  plainOrigins: readonly string[],
  did: Did,
): TargetRules {
  return {
    plain: server.test_mode || sandbox.enabled,
    plainOrigins,
    ownOrigins: did === server.default_hold_did ? [] : [
      server.base_url,
      ...server.registry_domains.map((host) =>
        `${new URL(server.base_url).protocol}//${host}`
      ),
    ],
  };
}
