import assert from "node:assert/strict";
import { digestOf } from "../../oci/digest.ts";
import { ALICE, BOB, indexBytes } from "../cards/testing_records.ts";
import { everything, isPublic, startReads } from "./testing_reads.ts";

Deno.test("an index has the sizes of its images", async () => {
  using index = await startReads();
  const child = await index.push("app", "amd64", { layers: ["base"] });
  const bytes = indexBytes([{ digest: child, platform: "linux/amd64" }]);
  const digest = await index.manifest("app", bytes);
  const facts = await index.manifests.manifest(ALICE, digest, isPublic);
  assert.deepEqual(facts?.children, [
    { digest: child, platform: "linux/amd64", size: 2_001_000 },
  ]);
});

Deno.test("repositories that share a layer are found, each once", async () => {
  using index = await startReads();
  for (const tag of ["v1", "v2", "v3"]) {
    await index.push("app", tag, { layers: ["base"] });
  }
  await index.push("other", "v1", { did: BOB, layers: ["base", "top"] });
  const layer = digestOf(new TextEncoder().encode("base"));
  const all = await everything((cursor) =>
    index.manifests.sharing(layer, { limit: 1, cursor }, isPublic)
  );
  assert.deepEqual(all.map(({ repo }) => repo), ["app", "other"]);
});
