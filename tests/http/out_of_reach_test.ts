/** Pages while the hold of an image, the PDS of its owner, or the stream of the network is away: they say so, and show what is known. */

import assert from "node:assert/strict";
import { startApart } from "../support/apart.ts";
import { CAN_LIST_CHILDREN, killNetwork } from "../support/processes.ts";
import { pageAt } from "../support/pages.ts";
import { Repository } from "../support/registry.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { freePort } from "../tools/ports.ts";

Deno.test("the pages of a repository say when its hold does not answer", async () => {
  await using apart = await startApart({
    registry: { ATCR_HEALTH_CACHE_TTL_SECONDS: "1" },
    hold: { HOLD_PUBLIC: "true" },
  });
  const { registry, hold } = apart;
  const repository = new Repository(
    registry,
    registry.alice,
    "alice.test/shop",
  );
  await repository.pushImage("v1");
  const pages = ["", "/-/tags", ":v1"].map((rest) =>
    `/r/alice.test/shop${rest}`
  );
  const notice =
    /class="notice"[^>]*>The layers lie in the hold[\s\S]*?has not answered/;
  for (const path of pages) {
    assert.doesNotMatch(await pageAt(registry, path), notice, path);
  }
  await hold.stop();
  for (const path of pages) {
    await until(async () => notice.test(await pageAt(registry, path)));
    const begun = performance.now();
    const html = await pageAt(registry, path);
    assert.ok(performance.now() - begun < 5_000, path);
    assert.match(html, /<h1>[\s\S]*shop/, path);
    assert.match(html, /v1/, path);
  }
});

Deno.test({
  name:
    "the pages of an owner show the copy of this registry, and say since when their PDS does not answer",
  ignore: !CAN_LIST_CHILDREN,
  fn: async () => {
    await using server = await startServer();
    await new Repository(server, server.alice, "alice.test/kept")
      .pushImage("v1");
    const pages = [
      ...["", "/-/tags", ":v1", "/-/stars"].map((rest) =>
        `/r/alice.test/kept${rest}`
      ),
      ...["/u/alice.test", "/u/alice.test/activity"],
    ];
    const notice =
      /class="notice"[^>]*>The owner’s PDS localhost:\d+ has not answered since <time[\s\S]*?the copy of this registry/;
    for (const path of pages) {
      assert.doesNotMatch(await pageAt(server, path), notice, path);
    }
    await killNetwork(server);
    await until(async () => notice.test(await pageAt(server, pages[0] ?? "")));
    for (const path of pages) {
      const html = await pageAt(server, path);
      assert.match(html, notice, path);
      assert.match(html, /kept/, path);
    }
  },
});

Deno.test("pages say when the network cannot be heard, and show what was pushed here", async () => {
  await using server = await startServer({
    env: {
      ATCR_SERVER_TEST_MODE: "true",
      ATCR_INDEX_JETSTREAM_URLS: `ws://127.0.0.1:${freePort()}/subscribe`,
    },
  });
  await new Repository(server, server.alice, "alice.test/heard")
    .pushImage("v1");
  const pages = ["/", "/activity", "/search?q=heard", "/u/alice.test"];
  const notice = /class="notice"[^>]*>The network has not been heard since/;
  await until(async () => notice.test(await pageAt(server, "/")));
  for (const path of pages) {
    const html = await pageAt(server, path);
    assert.match(html, notice, path);
    assert.match(html, /href="\/r\/alice\.test\/heard/, path);
  }
  assert.match(await pageAt(server, "/status"), /do not arrive/);
});
