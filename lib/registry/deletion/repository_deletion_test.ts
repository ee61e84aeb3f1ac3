import assert from "node:assert/strict";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { AppError } from "../../errors.ts";
import { ALICE } from "../../hold/testing.ts";
import { openKv } from "../../kv/open_kv.ts";
import { digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { registryKeys } from "../kv_keys.ts";
import { OwnerRepo } from "../manifests/testing_owner.ts";
import { RepositoryDeletion } from "./repository_deletion.ts";

Deno.test("a repository of tagged indexes that may need each other is deleted whole", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const names = ["one", "two"];
  const keyOf = (name: string) =>
    registryKeys.manifest(
      ALICE,
      "app",
      digestOf(new TextEncoder().encode(name)),
    );
  for (const name of names) await kv.set(keyOf(name), { mediaType: OCI_INDEX });
  const tags = new Set(names);
  const repo = new OwnerRepo();
  const begun: string[] = [];
  const deletion = new RepositoryDeletion({
    ...{ kv, clock, log: silentLogger },
    identities: { resolve: () => Promise.resolve(identityOf(ALICE)) },
    session: () => Promise.resolve(repo.session),
    index: { tagNames: () => Promise.resolve([...tags]) },
    manifests: {
      delete: async (_owner, _repo, _session, reference) => {
        if (reference.kind === "tag") {
          tags.delete(reference.tag);
        } else if (tags.size > 0) {
          throw new AppError("UNSUPPORTED", "A tagged index may need it.");
        } else {
          await kv.delete(
            registryKeys.manifest(ALICE, "app", reference.digest),
          );
        }
      },
    },
    wake: () => begun.push("again"),
  });
  const signal = new AbortController().signal;
  await deletion.run({ did: ALICE, repo: "app" }, {
    ...{ id: "1", attempt: 1 },
    signal,
  });
  assert.deepEqual([...tags], []);
  for (const name of names) assert.equal(await kv.get(keyOf(name)), undefined);
  assert.deepEqual(begun, []);
  kv.close();
});
