/** A laptop's network as the program hears it: what others write into a PDS, and its own hold. */

import assert from "node:assert/strict";
import { readJetstream } from "../../lib/atproto/jetstream/jetstream.ts";
import { systemClock } from "../../lib/clock.ts";
import { PdsAccount } from "../support/pds.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const CAPTAIN = "io.atcr.hold.captain";

Deno.test("the program follows its sandbox, whose stream and relay include the program's own hold", async () => {
  await using server = await startServer();
  const alice = new PdsAccount(server.pds, server.alice);
  await alice.put("io.atcr.tag", "app_v1", {
    repository: "app",
    tag: "v1",
    manifest: `at://${server.alice.did}/io.atcr.manifest/${"a".repeat(64)}`,
    updatedAt: "2026-01-01T00:00:00Z",
  });
  const metrics = async () =>
    await (await fetch(`${server.origin}/metrics`)).text();
  await until(
    async () =>
      /atcr_index_changes_total\{outcome="applied"\} 1/.test(await metrics()),
    metrics,
  );

  // Avatars hear of the profiles of known accounts.
  await alice.put("app.bsky.actor.profile", "self", { displayName: "Alice" });
  await until(
    async () =>
      /atcr_avatar_network_events_total\{kind="commit"\} 1/
        .test(await metrics()),
    metrics,
  );

  const [, relay = ""] = /"relay":"([^"]+)"/.exec(server.log()) ?? [];
  const list = `${relay}/xrpc/com.atproto.sync.listReposByCollection`;
  const { repos: [repo] } = await (await fetch(`${list}?collection=${CAPTAIN}`))
    .json();
  const stop = new AbortController();
  const stream = readJetstream(
    {
      url: `${relay.replace("http", "ws")}/subscribe`,
      collections: [CAPTAIN],
      cursor: (Date.now() - 600_000) * 1000,
      userAgent: "test",
    },
    systemClock,
    stop.signal,
  );
  for await (const { events } of stream) {
    const captain = events.find((event) => event.kind === "commit");
    if (!captain) continue;
    assert.equal(captain.did, repo.did);
    stop.abort();
  }
});
