import assert from "node:assert/strict";
import { createLogger } from "../lib/log.ts";
import { storageUnavailable } from "../lib/storage/storage_error.ts";
import { renderError, type Surface } from "./render_error.ts";

Deno.test("details for the operator are logged and never returned", async () => {
  const surfaces: Surface[] = ["oci", "xrpc", "api", "page", "avatar"];
  for (const surface of surfaces) {
    const lines: string[] = [];
    const response = renderError(
      storageUnavailable("The folder /srv/secret takes no file.", {
        cause: new Error("EROFS /srv/secret"),
      }),
      {
        surface,
        requestId: "1",
        method: "GET",
        path: "/",
        log: createLogger({ level: "error", write: (l) => lines.push(l) }),
      },
    );
    assert.equal(response.status, 503);
    const text = await response.text();
    assert.match(text, /storage of this server cannot be used/);
    assert.doesNotMatch(text + [...response.headers], /secret/);
    assert.match(lines.join(), /The folder \/srv\/secret takes no file/);
  }
});
