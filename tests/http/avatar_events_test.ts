/** Avatars with events of a Jetstream server. */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import { startAvatarApp } from "../support/avatar_app.ts";
import { FakeNetwork } from "../support/avatar_network.ts";
import { fixture } from "../support/images.ts";
import { commitOf, FakeJetstream } from "../support/jetstream.ts";
import { until } from "../support/until.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const PROFILE = "app.bsky.actor.profile";
const FIRST = fixture("jpeg/photo-256.jpg");
const SECOND = fixture("jpeg/progressive.jpg");

Deno.test({
  name: "changes in Jetstream events show at once, after a lost connection too",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using jetstream = await FakeJetstream.start();
    const network = new FakeNetwork();
    network.addAccount(ALICE, "alice.test");
    const first = network.setPicture(ALICE, FIRST);
    const connected = jetstream.connected();
    await using program = await startAvatarApp(network, {
      ATCR_AVATAR_PROFILE_TTL_SECONDS: "86400",
      ATCR_AVATAR_JETSTREAM_URL: jetstream.url,
    });
    await connected;
    const ask = async () => {
      const answer = await program.get("/alice.test");
      await answer.body?.cancel();
      return answer;
    };
    const shown = async () => (await ask()).headers.get("location") ?? "";
    assert.match(await shown(), new RegExp(first));

    const second = network.setPicture(ALICE, SECOND);
    assert.match(await shown(), new RegExp(first));
    const now = () => Date.now() * 1000;
    jetstream.send("no event");
    jetstream.emit(ALICE, now(), "commit", commitOf(PROFILE));
    await until(async () => (await shown()).includes(second));

    // Events during a disconnection are processed later.
    const again = jetstream.connected();
    network.setPicture(ALICE, FIRST);
    jetstream.cut();
    jetstream.emit(ALICE, now(), "commit", commitOf(PROFILE));
    await again;
    assert.ok(jetstream.asked.at(-1)?.get("cursor"));
    await until(async () => (await shown()).includes(first));

    assert.deepEqual(network.forgotten, []);
    jetstream.emit(ALICE, now(), "identity", { handle: "alice.test" });
    await until(() => Promise.resolve(network.forgotten.length > 0));

    network.down = new AppError("UPSTREAM_FAILED", "The account is gone.");
    jetstream.emit(ALICE, now(), "account", {
      active: false,
      status: "deleted",
    });
    await until(async () => (await ask()).status === 404);
    network.down = undefined;
    jetstream.emit(ALICE, now(), "account", { active: true });
    await until(async () => (await shown()).includes(first));

    const metrics = await (await program.get("/metrics")).text();
    assert.match(
      metrics,
      /atcr_avatar_network_events_total{kind="commit"} [23]/,
    );
    assert.match(metrics, /atcr_avatar_network_events_total{kind="account"} 2/);
    assert.match(metrics, /atcr_avatar_network_events_total{kind="ignored"} 1/);
    assert.match(metrics, /atcr_avatar_requests_total{outcome="miss"} 2/);
    assert.match(metrics, /atcr_avatar_requests_total{outcome="hit"} \d/);
    assert.match(metrics, /atcr_avatar_renders_total 2/);
    assert.match(metrics, /atcr_avatar_queue_length 0/);
    assert.match(metrics, /atcr_avatar_upstream_failures_total \d/);
  },
});
