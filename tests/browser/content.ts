/**
 * Content for pages to show: images of two platforms, a chart, a module, and
 * names as long and as odd as they may be.
 *
 * @module
 */

import {
  imageIndex,
  imageManifest,
  randomBlob,
  textBlob,
} from "../support/oci.ts";
import { expect, Repository } from "../support/registry.ts";
import type { TestAccount, TestServer } from "../support/server.ts";

/** A server with the accounts that push. */
export type ContentServer = Pick<TestServer, "origin" | "alice" | "bob">;

/** The longest name of a repository that owners with a short handle can have. */
export const LONG_NAME: string = `team/${"part-of-a-long-name/".repeat(8)}end`;

const NOTES = "org.opencontainers.image.";

/** Pushes everything; takes a few seconds. */
export async function pushContent(server: ContentServer): Promise<void> {
  const { alice, bob } = server;
  const base = randomBlob(90_000);
  await pushImage(server, alice, "shop", {
    base,
    layers: 6,
    tags: ["2.4.0", "2.4.1", "2.4", "latest"],
    platforms: ["linux/amd64", "linux/arm64"],
    description: "The web shop: catalogue, basket and checkout in one image.",
  });
  await pushImage(server, alice, "shop-worker", {
    ...{ base, layers: 3, tags: ["main-8f3c2d1"] },
    description: "يعالج الطلبات في الخلفية 🚚 – mixed directions and emoji",
  });
  await pushImage(server, alice, LONG_NAME, { base, layers: 60, tags: ["v1"] });
  await pushImage(server, bob, "nginx", {
    base,
    layers: 4,
    tags: ["1.29-alpine", "1.29"],
    platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"],
    description: "nginx with brotli.",
  });
  await pushArtifact(server, alice, "charts/gateway", "0.9.0", {
    type: "application/vnd.cncf.helm.config.v1+json",
    config: {
      name: "gateway",
      version: "0.9.0",
      description: "An API gateway.",
    },
  });
  await pushArtifact(server, bob, "plugins/resize", "1.0", {
    type: "application/vnd.wasm.config.v0+json",
    config: { architecture: "wasm", os: "wasip1" },
  });
}

interface Image {
  readonly base: ReturnType<typeof randomBlob>;
  readonly layers: number;
  readonly tags: readonly string[];
  readonly platforms?: readonly string[];
  readonly description?: string;
}

async function pushImage(
  server: ContentServer,
  account: TestAccount,
  name: string,
  { base, layers, tags, platforms = ["linux/amd64"], description }: Image,
): Promise<void> {
  const repository = repositoryOf(server, account, name);
  const annotations = description === undefined
    ? {}
    : { [`${NOTES}description`]: description };
  const entries = [];
  for (const platform of platforms) {
    const [os = "", architecture = "", variant] = platform.split("/");
    const own = Array.from(
      { length: layers },
      (_, i) => randomBlob(400 + 9_000 * (i % 4)),
    );
    const history = [base, ...own].map((_, i) => ({
      created_by: i === 0 ? "COPY rootfs /" : `RUN step ${i} # buildkit`,
    }));
    const config = textBlob(JSON.stringify({ os, architecture, history }));
    for (const blob of [base, ...own, config]) await repository.pushBlob(blob);
    const image = imageManifest(config, [base, ...own], { annotations });
    expect(await repository.putManifest(image), 201);
    const target = { os, architecture, ...(variant ? { variant } : {}) };
    entries.push({
      ...image,
      entry: { ...image.descriptor, platform: target },
    });
  }
  const [single, ...others] = entries;
  if (!single) throw new Error("an image has a platform");
  const pushed = others.length === 0 ? single : imageIndex(
    entries.map(({ entry }) => entry),
    { annotations },
  );
  for (const tag of tags) {
    expect(await repository.putManifest(pushed, tag), 201);
  }
}

async function pushArtifact(
  server: ContentServer,
  account: TestAccount,
  name: string,
  tag: string,
  { type, config }: { type: string; config: Record<string, string> },
): Promise<void> {
  const repository = repositoryOf(server, account, name);
  const blob = textBlob(JSON.stringify(config));
  const layer = randomBlob(24_000);
  for (const one of [blob, layer]) await repository.pushBlob(one);
  const artifact = imageManifest(blob, [layer], {
    config: { mediaType: type, digest: blob.digest, size: blob.bytes.length },
    ...(config["description"] === undefined ? {} : {
      annotations: { [`${NOTES}description`]: config["description"] },
    }),
  });
  expect(await repository.putManifest(artifact, tag), 201);
}

function repositoryOf(
  server: ContentServer,
  account: TestAccount,
  name: string,
): Repository {
  return new Repository(server, account, `${account.handle}/${name}`);
}
