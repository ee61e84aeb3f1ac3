/**
 * Settings of a preview: what Deno Deploy starts for each revision and git
 * branch beside production, to see whether it runs.
 *
 * @module
 */

import type { Settings } from "../schema.ts";

/**
 * Changes settings so that a preview keeps nothing and reaches nothing of
 * production: no hold (which would make an identity), everything in memory,
 * nothing followed, nobody called. Its address is not known beforehand.
 */
export function previewSettings(settings: Settings): Settings {
  const { server, sandbox, index, hold, storage, avatar, webhooks } = settings;
  const roles = (server.roles ?? ["registry", "avatar"])
    .filter((role) => role !== "hold");
  return {
    ...settings,
    kv: { ...settings.kv, url: ":memory:" },
    server: {
      ...server,
      base_url: "http://localhost:8000",
      roles: roles.length === 0 ? ["registry"] : roles,
      default_hold_did: server.default_hold_did ?? "did:web:localhost%3A8000",
    },
    sandbox: { ...sandbox, enabled: false },
    index: { ...index, follow: false },
    hold: { ...hold, public_url: undefined, did: undefined, relays: [] },
    storage: { ...storage, driver: "memory" },
    avatar: {
      ...avatar,
      s3: { ...avatar.s3, bucket: undefined },
      jetstream_url: undefined,
    },
    webhooks: { ...webhooks, enabled: false },
  };
}
