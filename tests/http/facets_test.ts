/** Facets of searches: what they count, and where they lead. */

import assert from "node:assert/strict";
import {
  descriptor,
  imageIndex,
  imageManifest,
  textBlob,
} from "../support/oci.ts";
import { pageAt } from "../support/pages.ts";
import { expect, repositoriesOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

Deno.test("a search says how many repositories each kind and platform leaves, and links lead there and back", async () => {
  await alices("facet/one").pushImage("v1");
  const two = alices("facet/two");
  const image = await two.pushImage();
  const platform = { os: "linux", architecture: "arm64" };
  const index = imageIndex([{ ...image.descriptor, platform }]);
  expect(await two.putManifest(index, "v1"), 201);
  const chart = alices("facet/ch");
  const config = textBlob("{}");
  await chart.pushBlob(config);
  const manifest = imageManifest(config, [], {
    config: descriptor(config, "application/vnd.cncf.helm.config.v1+json"),
  });
  expect(await chart.putManifest(manifest, "1.0"), 201);
  const facets = (html: string) =>
    [...html.matchAll(
      /<a class="chip" href="([^"]+)"( aria-current="true")?>([^<]+)<b>([^<]+)/g,
    )].map(([, href = "", current, name = "", count]) =>
      `${name.trim()} ${count} ${current ? "chosen " : ""}${
        href.replaceAll("&amp;", "&")
      }`
    );
  assert.deepEqual(facets(await pageAt(server(), "/search?q=facet")), [
    "Container image 2 /search?q=facet&kind=image",
    "Helm chart 1 /search?q=facet&kind=helm",
  ]);
  assert.deepEqual(
    facets(await pageAt(server(), "/search?q=facet&kind=image")),
    [
      "Container image 2 chosen /search?q=facet",
      "Helm chart 1 /search?q=facet&kind=helm",
    ],
  );
  assert.deepEqual(
    facets(await pageAt(server(), "/search?q=facet&platform=linux%2Farm64")),
    ["linux/arm64 1 chosen /search?q=facet"],
  );
  assert.deepEqual(facets(await pageAt(server(), "/search?q=facet%2Fch")), []);
});
