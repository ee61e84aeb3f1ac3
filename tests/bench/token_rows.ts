/**
 * The rows about tokens, which the peers do not need.
 *
 * @module
 */

import { expectStatus } from "./actions.ts";
import { repeat, repeatGet, SMALL_WIDTH } from "./load.ts";
import type { Row } from "./rows.ts";
import type { Target } from "./target.ts";

/** Tokens with and without a login; each row takes `ms` milliseconds. */
export function tokenRows(ms: number): Row[] {
  return [
    {
      name: "token with login",
      async measure(target) {
        const { account } = target;
        if (account === undefined) return undefined;
        const scope = `repository:${target.repo("small")}:pull,push`;
        const path = await tokenPath(target, scope);
        const basic = btoa(`${account.handle}:${account.appPassword}`);
        const headers = `authorization: Basic ${basic}\r\n`;
        return await repeat(target.host, 4, ms, async (wire) => {
          const call = { method: "GET", path, headers };
          expectStatus(await wire.call(call), 200, "token");
        });
      },
    },
    {
      name: "token without login",
      async measure(target) {
        if (target.account === undefined) return undefined;
        const scope = `repository:${target.repo("small")}:pull`;
        const path = await tokenPath(target, scope);
        return await repeatGet(target.host, path, "", SMALL_WIDTH, ms);
      },
    },
  ];
}

async function tokenPath(target: Target, scope: string): Promise<string> {
  const answer = await fetch(`http://${target.host}/v2/`);
  await answer.body?.cancel();
  const words = answer.headers.get("www-authenticate") ?? "";
  const [, realm = ""] = /realm="([^"]+)"/.exec(words) ?? [];
  const [, service = ""] = /service="([^"]+)"/.exec(words) ?? [];
  const query = new URLSearchParams({ service, scope });
  return `${new URL(realm).pathname}?${query}`;
}
