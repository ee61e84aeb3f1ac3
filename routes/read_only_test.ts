import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { ReadOnlyMode } from "../lib/kv/operating/read_only.ts";
import { openKv } from "../lib/kv/open_kv.ts";
import { systemClock } from "../lib/clock.ts";
import { isAppError } from "../lib/errors.ts";
import type { AppEnv } from "./middleware.ts";
import { refuseWritesWhile } from "./read_only.ts";

Deno.test("pulls and sign-in pass in read-only mode, pushes and changes are refused", async () => {
  const kv = await openKv(":memory:");
  const mode = new ReadOnlyMode({ kv, clock: systemClock, always: true });
  const app = new Hono<AppEnv>();
  app.use(refuseWritesWhile(mode));
  app.all("*", (c) => c.text("passed"));
  app.onError((error, c) =>
    isAppError(error) ? c.text(error.message, 503) : c.text("other", 500)
  );
  const statusOf = async (method: string, path: string) =>
    (await app.request(path, { method })).status;
  for (
    const [method, path] of [
      ["GET", "/v2/alice.test/app/manifests/latest"],
      ["HEAD", "/v2/alice.test/app/blobs/sha256:00"],
      ["POST", "/auth/token"],
      ["POST", "/device"],
      ["GET", "/xrpc/com.atproto.sync.getRepo"],
    ] as const
  ) {
    assert.equal(await statusOf(method, path), 200, path);
  }
  for (
    const [method, path] of [
      ["PUT", "/v2/alice.test/app/manifests/latest"],
      ["POST", "/v2/alice.test/app/blobs/uploads/"],
      ["PATCH", "/v2/alice.test/app/blobs/uploads/1"],
      ["DELETE", "/v2/alice.test/app/manifests/latest"],
      ["POST", "/xrpc/com.atproto.repo.putRecord"],
      ["POST", "/api/v1/webhooks"],
    ] as const
  ) {
    assert.equal(await statusOf(method, path), 503, path);
  }
  kv.close();
});
