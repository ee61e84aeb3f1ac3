/** What clients wait for while the owners' PDS accepts connections and does not respond. */

import assert from "node:assert/strict";
import { randomBlob } from "../support/oci.ts";
import {
  type Answer,
  expect,
  expectError,
  Repository,
} from "../support/registry.ts";
import { CAN_LIST_CHILDREN, hangNetwork } from "../support/processes.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** Longest wait once the PDS is known to hang, in milliseconds; it was 10 seconds. */
const SOON_MS = 4_500;
/** The one that looks whether the PDS responds again, or a busy machine, may take longer. */
const ROUNDS = 3;

Deno.test({
  name:
    "a PDS that hangs delays the first requests only, and none of what is known",
  ignore: !CAN_LIST_CHILDREN,
  fn: async () => {
    await using server = await startServer({
      env: { ATCR_REGISTRY_TAG_RECHECK_SECONDS: "1" },
    });
    const repository = new Repository(server, server.alice, "alice.test/app");
    const image = await repository.pushImage("latest");
    assert.deepEqual(await repository.tags(), ["latest"]);
    await repository.referrers(image.digest);
    const get = async (path: string) => {
      const begun = performance.now();
      const answer = await repository.send("GET", path);
      return { answer, ms: performance.now() - begun };
    };
    {
      using _ = await hangNetwork(server);
      // These find out.
      await Promise.all([get("manifests/unheard"), get("tags/list")]);
      const times = new Map<string, number[]>();
      const soon = async (
        path: string,
        check: (answer: Answer) => unknown,
        kind = path,
      ) => {
        const { answer, ms } = await get(path);
        check(answer);
        times.set(kind, [...times.get(kind) ?? [], ms]);
      };
      const unavailable = (answer: Answer) =>
        expectError(answer, 503, "UNAVAILABLE");
      const known = (answer: Answer) => expect(answer, 200);
      for (let i = 0; i < ROUNDS; i++) {
        const unknown = randomBlob(10).digest;
        await soon(`manifests/none${i}`, unavailable, "an unknown tag");
        await soon(`manifests/${unknown}`, unavailable, "an unknown digest");
        await soon("manifests/latest", known);
        await soon(`manifests/${image.digest}`, known);
        await soon("tags/list", known);
        await soon(`referrers/${image.digest}`, known);
      }
      for (const [kind, each] of times) {
        assert.ok(Math.min(...each) < SOON_MS, `${kind} took ${each} ms`);
      }
    }
    await until(async () => {
      const { answer } = await get("manifests/unheard");
      return answer.status === 404;
    });
  },
});
