import assert from "node:assert/strict";
import { mistakes, PUBLIC } from "../testing_config.ts";

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const CONTRADICTIONS: [string, Record<string, string>, string][] = [
  ["a pale accent", { ATCR_PAGES_ACCENT: "#fc0" }, "pages.accent"],
  ["an accent that is dark on dark pages", {
    ATCR_PAGES_ACCENT: "#003366",
    ATCR_PAGES_ACCENT_DARK: "#003366",
  }, "pages.accent_dark"],
  ["an accent for dark pages alone", {
    ATCR_PAGES_ACCENT_DARK: "#ffffff",
  }, "pages.accent_dark"],
  ["a logo elsewhere that nothing fetches", {
    ATCR_SERVER_ROLES: "registry,hold",
    ATCR_PAGES_LOGO: "https://a.example/logo.png",
  }, "pages.logo"],
  ["a public address without a key", {
    ATCR_BASE_URL: "https://a.example",
  }, "secret_key"],
  ["the sandbox with a public address", {
    ...PUBLIC,
    ATCR_SANDBOX: "on",
  }, "sandbox.enabled"],
  ["http to the outside", {
    ...PUBLIC,
    ATCR_SERVER_BASE_URL: "http://a.example",
  }, "server.base_url"],
  ["a registry without any hold", {
    ATCR_SERVER_ROLES: "registry",
  }, "server.default_hold_did"],
  ["no role at all", { ATCR_SERVER_ROLES: "," }, "server.roles"],
  ["two listeners on one port", {
    ATCR_SANDBOX_PDS_PORT: "5000",
  }, "sandbox.pds_port"],
  ["an identity of another kind", {
    ATCR_HOLD_DID: "did:web:hold.example.com",
    ATCR_HOLD_DID_METHOD: "plc",
  }, "hold.did_method"],
  ["a tier that does not exist", {
    ATCR_HOLD_QUOTA_DEFAULT_TIER: "captain",
  }, "hold.quota.default_tier"],
  ["S3 without a bucket", { STORAGE_DRIVER: "s3" }, "storage.s3.bucket"],
  ["half of a key", {
    S3_BUCKET: "b",
    AWS_ACCESS_KEY_ID: "k",
  }, "storage.s3.secret_access_key"],
  ["half of a key for avatars", {
    BUCKET_NAME: "b",
    ATCR_AVATAR_S3_ACCESS_KEY_ID: "k",
  }, "avatar.s3.secret_access_key"],
  ["a limit above what is taken of manifests anyway", {
    ATCR_REGISTRY_MAX_MANIFEST_BYTES: String(MAX_MANIFEST_BYTES + 1),
  }, "registry.max_manifest_bytes"],
  ["a disk on Deno Deploy", {
    ...PUBLIC,
    DENO_DEPLOYMENT_ID: "x",
  }, "storage.driver"],
];
for (const [what, env, setting] of CONTRADICTIONS) {
  Deno.test(`${what} is refused`, () => {
    const found = mistakes(env);
    assert.equal(found.length, 1, found.join());
    assert.ok(found[0]?.startsWith(`${setting}: `), found[0] ?? "none");
  });
}
