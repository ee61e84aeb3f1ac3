import assert from "node:assert/strict";
import { triggersOf, type WebhookEvent } from "./event.ts";
import { bodyFor } from "./forms.ts";
import { ALICE, HOLD, pushOf } from "./testing_webhooks.ts";

const AT = Date.UTC(2026, 10, 30, 1, 2, 3);
const ABOUT = {
  owner: "alice.test",
  holdEndpoint: "https://hold.example.com",
  baseUrl: "https://registry.example.com",
  popularity: { stars: 3, pulls: 40 },
};
const PUSH: WebhookEvent = {
  ...pushOf("team/app", [], AT),
  digest: "sha256:abc",
  tags: [{ tag: "v1", from: "sha256:old" }, { tag: "latest" }],
};
const SCAN: WebhookEvent = {
  kind: "scan",
  id: crypto.randomUUID(),
  did: ALICE,
  repo: "app",
  holdDid: HOLD,
  at: AT,
  digest: "sha256:abc",
  scannedAt: "2026-11-30T01:02:03Z",
  scannerVersion: "1.2",
  vulnerabilities: { critical: 1, high: 0, medium: 2, low: 0, total: 3 },
};

function json(event: WebhookEvent, trigger = triggersOf(event)[0]) {
  return JSON.parse(bodyFor("json", event, trigger ?? "push", ABOUT));
}

Deno.test("a push is described in the fields of the original registry", () => {
  assert.deepEqual(json(PUSH), {
    trigger: "push",
    push_data: {
      pushed_at: "2026-11-30T01:02:03.000Z",
      pusher: "alice.test",
      pusher_did: ALICE,
      tag: "v1",
      tags: ["v1", "latest"],
      digest: "sha256:abc",
      previous_digest: "sha256:old",
      size: 500,
    },
    repository: {
      name: "alice.test/team/app",
      namespace: "alice.test",
      repo_name: "team/app",
      repo_url: "https://registry.example.com/r/alice.test/team/app",
      owner_did: ALICE,
      media_type: "application/vnd.oci.image.manifest.v1+json",
      star_count: 3,
      pull_count: 40,
    },
    hold: { did: HOLD, endpoint: "https://hold.example.com" },
  });
});

Deno.test("a scan is described in the fields of the original registry", () => {
  const { vulnerabilities } = SCAN;
  assert.deepEqual(json(SCAN), {
    trigger: "scan:first",
    holdDid: HOLD,
    holdEndpoint: "https://hold.example.com",
    manifest: {
      digest: "sha256:abc",
      repository: "app",
      userDid: ALICE,
      userHandle: "alice.test",
    },
    scan: {
      scannedAt: "2026-11-30T01:02:03Z",
      scannerVersion: "1.2",
      vulnerabilities,
    },
  });
  const previous = { ...vulnerabilities, critical: 0, total: 2 };
  const changed = { ...SCAN, previous };
  assert.deepEqual(triggersOf(changed), ["scan:changed", "scan:all"]);
  assert.deepEqual(json(changed).previous, previous);
  const same = { ...SCAN, previous: vulnerabilities };
  assert.deepEqual(triggersOf(same), ["scan:all"]);
  assert.equal("previous" in json(same), false);
});

Deno.test("Discord gets an embed without mentions", () => {
  const body = JSON.parse(bodyFor("discord", PUSH, "push", ABOUT));
  assert.deepEqual(body.allowed_mentions, { parse: [] });
  const [embed] = body.embeds;
  assert.equal(embed.title, "Pushed alice.test/team/app:v1");
  assert.equal(
    embed.url,
    "https://registry.example.com/r/alice.test/team/app",
  );
  assert.equal(embed.timestamp, "2026-11-30T01:02:03.000Z");
  assert.deepEqual(embed.fields[0], { name: "Tags", value: "v1, latest" });
  for (const event of [PUSH, SCAN]) {
    const [one] = JSON.parse(bodyFor("discord", event, "push", ABOUT)).embeds;
    for (const { name, value } of one.fields) {
      assert.ok(name !== "" && value !== "", "Discord refuses empty fields");
    }
  }
});

Deno.test("Slack gets an escaped text", () => {
  const about = { ...ABOUT, owner: "<!channel>&co" };
  const { text, attachments } = JSON.parse(
    bodyFor("slack", PUSH, "push", about),
  );
  assert.match(text, /\|Pushed &lt;!channel&gt;&amp;co\/team\/app:v1>$/);
  assert.doesNotMatch(JSON.stringify(attachments), /<!channel>/);
});
