/** What works, and what is refused, while the owners' PDS does not respond. */

import assert from "node:assert/strict";
import { artifact, imageManifest, randomBlob } from "../support/oci.ts";
import {
  type Answer,
  expect,
  expectError,
  header,
  Repository,
} from "../support/registry.ts";
import { CAN_LIST_CHILDREN, killNetwork } from "../support/processes.ts";
import { startServer, tokenFor } from "../support/server.ts";
import { assertUnchanged, settledState } from "../support/state.ts";

/** Asserts the refusal of a request that needs the PDS. */
function assertUnavailable(answer: Answer): void {
  const { message } = expectError(answer, 503, "UNAVAILABLE");
  assert.match(message, /PDS|localhost/);
}

Deno.test({
  name:
    "without the PDS pulls of known content work and pushes are refused with the reason",
  ignore: !CAN_LIST_CHILDREN,
  fn: async (t) => {
    const dataDir = await Deno.makeTempDir({ prefix: "atcr-" });
    const first = await startServer({ dataDir });
    const { alice, bob } = first;
    const name = "alice.test/app";
    const repository = new Repository(first, alice, name);
    await repository.pushEmptyJson();
    const image = await repository.pushImage("latest");
    const signature = artifact("application/vnd.example.s", image.descriptor);
    expect(await repository.putManifest(signature), 201);
    const layer = randomBlob(1_000);
    await repository.pushBlob(layer);
    await repository.tags();
    const bobs = new Repository(first, undefined, "bob.test/app");
    const nothing = `blobs/${randomBlob(10).digest}`;
    expectError(await bobs.send("GET", nothing), 404, "BLOB_UNKNOWN");
    const before = await settledState(first);
    await killNetwork(first);

    // Before any pull, because pulls are counted in the hold's repo.
    await t.step(
      "a push of a manifest is refused and changes nothing",
      async () => {
        const pushed = imageManifest(layer, []);
        assertUnavailable(await repository.putManifest(pushed, "latest"));
        assertUnavailable(await repository.putManifest(pushed));
        assertUnavailable(await repository.putManifest(image, "second"));
        assertUnavailable(await repository.send("DELETE", "manifests/latest"));
        assertUnavailable(
          await repository.send("DELETE", `manifests/${image.digest}`),
        );
        await assertUnchanged(first, before);
        const get = await repository.send("GET", "manifests/latest");
        assert.deepEqual(expect(get, 200).bytes, image.bytes);
      },
    );

    await t.step("tags, digests, blobs and lists are served", async () => {
      const readers = [
        new Repository(first, undefined, name),
        new Repository(first, alice, name),
        new Repository(first, undefined, `${alice.did}/app`),
      ];
      for (const reader of readers) {
        for (const reference of ["latest", image.digest]) {
          const get = await reader.send("GET", `manifests/${reference}`);
          assert.deepEqual(expect(get, 200).bytes, image.bytes);
        }
        const blob = await reader.send("GET", `blobs/${layer.digest}`);
        assert.deepEqual(expect(blob, 200).bytes, layer.bytes);
        assert.deepEqual(await reader.tags(), ["latest"]);
        const [referrer] = await reader.referrers(image.digest);
        assert.equal(referrer?.digest, signature.digest);
        // Only the tags were read from the owner's repo before.
        const path = `referrers/${image.digest}`;
        const list = expect(await reader.send("GET", path), 200);
        assert.match(header(list, "warning"), /^299 - "The list may lack .*"$/);
        const tags = expect(await reader.send("GET", "tags/list"), 200);
        assert.equal(tags.headers.get("warning"), null);
      }
      const { origin } = first;
      expect(await repository.send("GET", `${origin}/v2/_catalog`), 200);
    });

    await t.step(
      "content that only the PDS has is unavailable, not unknown",
      async () => {
        assertUnavailable(await repository.send("GET", "manifests/unheard"));
        assertUnavailable(await bobs.send("GET", "tags/list"));
        const { digest } = randomBlob(10);
        assertUnavailable(await repository.send("GET", `manifests/${digest}`));
        await assert.rejects(
          () => tokenFor(first, bob, "repository:bob.test/app:push"),
          /UNAVAILABLE/,
        );
      },
    );
    await first.stop();

    await t.step("when the PDS is back, pushes work", async () => {
      await using second = await startServer({
        dataDir,
        ports: first.ports,
      });
      const again = new Repository(second, second.alice, name);
      const pushed = await again.pushImage("latest");
      const get = await again.send("GET", "manifests/latest");
      assert.deepEqual(expect(get, 200).bytes, pushed.bytes);
      expect(await again.send("GET", `manifests/${image.digest}`), 200);
    });
    await Deno.remove(dataDir, { recursive: true });
  },
});
