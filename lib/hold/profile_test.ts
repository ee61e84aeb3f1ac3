import assert from "node:assert/strict";
import { lexicons } from "@atproto/api";
import type { BlobRef } from "../atproto/pds/pds.ts";
import { ensureProfile, type ProfileSettings } from "./profile.ts";
import { COLLECTIONS, type HoldWrite, SELF } from "./records.ts";
import { HOLD } from "./testing.ts";
import { openServices } from "./testing_services.ts";
import { silentLogger } from "../testing_log.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]);

const AVATAR: BlobRef = {
  $type: "blob",
  ref: { $link: "bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  mimeType: "image/png",
  size: PNG.length,
};

const SETTINGS: ProfileSettings = {
  displayName: "The hold",
  description: "Container images",
  avatarUrl: "https://example.com/a.png",
};

/** A hold whose repo accepts any blob. */
async function openProfile(fetchBytes: (url: string) => Promise<Uint8Array>) {
  const hold = await openServices();
  const stored = new Map<string, Record<string, unknown>>();
  const fetched: string[] = [];
  let writes = 0;
  const run = (settings: Partial<ProfileSettings> = {}) =>
    ensureProfile({
      kv: hold.kv,
      log: silentLogger,
      records: {
        did: HOLD,
        getRecord: (_, rkey) => {
          const value = stored.get(rkey);
          return Promise.resolve(
            value && { uri: "", rkey, cid: "", value },
          );
        },
        allRecords: (collection) => hold.records.allRecords(collection),
        apply: (batch: readonly HoldWrite[]) => {
          writes++;
          for (const write of batch) {
            assert.equal(write.collection, COLLECTIONS.profile);
            if (write.action === "put") stored.set(write.rkey, write.value);
          }
          return Promise.resolve({ results: [] });
        },
      },
      fetchBytes: (url) => {
        fetched.push(url);
        return fetchBytes(url);
      },
      uploadBlob: () => Promise.resolve(AVATAR),
    }, { ...SETTINGS, ...settings });
  return {
    run,
    stored,
    fetched,
    writes: () => writes,
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}

Deno.test("the profile gets its picture once, and again when the URL changes", async () => {
  await using profile = await openProfile(() => Promise.resolve(PNG));
  await profile.run();
  await profile.run();
  assert.deepEqual(profile.fetched, ["https://example.com/a.png"]);
  const record = profile.stored.get(SELF);
  assert.deepEqual(record, {
    displayName: "The hold",
    description: "Container images",
    avatar: AVATAR,
  });
  assert.equal(profile.writes(), 1);
  await profile.run({ avatarUrl: "https://example.com/b.png" });
  assert.equal(profile.fetched.length, 2);
  await profile.run({
    description: "Pictures",
    avatarUrl: "https://example.com/b.png",
  });
  assert.equal(profile.writes(), 2);
});

Deno.test("an invalid or unreachable picture does not prevent the start", async () => {
  for (
    const fetchBytes of [
      () => Promise.resolve(new TextEncoder().encode("<svg/>")),
      () => Promise.reject(new Error("unreachable")),
    ]
  ) {
    await using profile = await openProfile(fetchBytes);
    await profile.run();
    assert.deepEqual(profile.stored.get(SELF), {
      displayName: "The hold",
      description: "Container images",
    });
    await profile.run();
    assert.equal(profile.fetched.length, 2);
  }
});

Deno.test("the profile conforms to the lexicon of Bluesky", () => {
  lexicons.assertValidRecord("app.bsky.actor.profile", {
    $type: "app.bsky.actor.profile",
    displayName: SETTINGS.displayName,
    description: SETTINGS.description,
  });
});
