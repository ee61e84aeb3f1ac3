import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { assertRecord } from "./record_validator.ts";

const TID = "3jzfcijpj2z2a";
const NOW = "2026-08-04T12:00:00.000Z";
const POST = "app.bsky.feed.post";
const PROFILE = "app.bsky.actor.profile";

const blob = (mimeType: string, size: number) => ({
  $type: "blob",
  ref: { $link: "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy" },
  mimeType,
  size,
});
const post = (more: object = {}) => ({
  $type: POST,
  text: "pushed",
  createdAt: NOW,
  ...more,
});
const profile = (more: object = {}) => ({ $type: PROFILE, ...more });
const images = (...list: unknown[]) => ({
  $type: "app.bsky.embed.images",
  images: list.map((image) => ({ alt: "a", image })),
});

const GOOD: readonly [string, string, object][] = [
  [POST, TID, post()],
  [POST, TID, post({ embed: images(blob("image/webp", 1_000_000)) })],
  [
    POST,
    TID,
    post({
      embed: {
        $type: "app.bsky.embed.recordWithMedia",
        record: {
          record: {
            uri: `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/${POST}/${TID}`,
            cid: blob("", 0).ref.$link,
          },
        },
        media: images(blob("image/png", 10)),
      },
    }),
  ],
  [POST, TID, post({ embed: { $type: "com.example.newEmbed", image: 1 } })],
  [PROFILE, "self", profile({ avatar: blob("image/png", 1000) })],
  ["app.bsky.graph.follow", TID, {
    $type: "app.bsky.graph.follow",
    subject: "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
    createdAt: NOW,
  }],
  // Newer than the lexicons we have.
  ["app.bsky.feed.invention", "x", { $type: "app.bsky.feed.invention", a: 1 }],
  ["com.example.note", "anything", { $type: "com.example.note", text: 7 }],
  ["io.atcr.hold.captain", "self", {
    $type: "io.atcr.hold.captain",
    owner: "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
    public: true,
    allowAllCrew: false,
    enableBlueskyPosts: false,
    deployedAt: NOW,
  }],
];

const BAD: readonly [string, string, object, RegExp][] = [
  [POST, TID, { $type: POST, text: "x" }, /createdAt/],
  [POST, TID, post({ text: 7 }), /text/],
  [POST, TID, post({ text: "a".repeat(301) }), /300 graphemes|text/],
  [POST, TID, post({ createdAt: "yesterday" }), /createdAt/],
  [POST, TID, post({ facets: [{ index: { byteStart: -1 } }] }), /facets/],
  [POST, TID, { ...post(), $type: PROFILE }, /\$type/],
  [POST, "self", post(), /not a key/],
  [POST, TID, post({ embed: images(blob("text/html", 10)) }), /image\/\*/],
  [POST, TID, post({ embed: images(blob("image/png", 20_000_000)) }), /bytes/],
  [
    POST,
    TID,
    post({
      embed: {
        $type: "app.bsky.embed.recordWithMedia",
        record: {
          record: {
            uri: `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/${POST}/${TID}`,
            cid: blob("", 0).ref.$link,
          },
        },
        media: images(blob("image/png", 10), blob("video/mp4", 10)),
      },
    }),
    /images\/1\/image/,
  ],
  [PROFILE, "self", profile({ displayName: "a".repeat(65) }), /displayName/],
  [PROFILE, "self", profile({ avatar: blob("image/gif", 10) }), /avatar/],
  [PROFILE, "self", profile({ avatar: blob("image/png", 1e6 + 1) }), /avatar/],
  [PROFILE, "self", profile({ avatar: "https://example.com" }), /avatar/],
  [PROFILE, "me", profile(), /literal:self/],
  ["app.bsky.graph.follow", TID, {
    $type: "app.bsky.graph.follow",
    subject: "alice.example.com",
    createdAt: NOW,
  }, /subject/],
  ["app.bsky.feed.threadgate", "self", {
    $type: "app.bsky.feed.threadgate",
    post: `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/${POST}/${TID}`,
    createdAt: NOW,
  }, /not a key/],
  ["app.bsky.feed.invention", "x", { a: 1 }, /\$type/],
  // A lexicon of something other than a record.
  ["app.bsky.feed.getTimeline", "x", {
    $type: "app.bsky.feed.getTimeline",
  }, /app\.bsky\.feed\.getTimeline/],
  ["com.example.note", "x", { text: "a" }, /\$type/],
  ["io.atcr.tag", TID, { $type: "io.atcr.tag" }, /repository/],
  ["io.atcr.new", TID, { $type: "io.atcr.new" }, /io\.atcr\.new/],
  ["io.atcr.hold.captain", "other", {
    $type: "io.atcr.hold.captain",
  }, /not a key/],
  ["io.atcr.hold.layer", "self", { $type: "io.atcr.hold.layer" }, /not a key/],
];

for (const [nsid, rkey, value] of GOOD) {
  Deno.test(`a valid ${nsid} at ${rkey} is accepted: ${short(value)}`, async () => {
    await assertRecord(nsid, rkey, value);
  });
}

for (const [nsid, rkey, value, reason] of BAD) {
  Deno.test(`an invalid ${nsid} at ${rkey} is refused with the reason: ${short(value)}`, async () => {
    await assert.rejects(assertRecord(nsid, rkey, value), (error) => {
      assert.ok(isAppError(error, "INVALID_REQUEST"));
      assert.equal(error.xrpcName, "InvalidRecord");
      assert.match(error.message, reason);
      assert.ok(error.message.endsWith("."));
      return true;
    });
  });
}

function short(value: object): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 50)}…${text.slice(-40)}` : text;
}
