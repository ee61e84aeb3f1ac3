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
import { PdsAccount } from "../support/pds.ts";
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

/** Pushes much more: a thousand tags, a long description, a name that reads from right to left. */
export async function pushMuchContent(server: TestServer): Promise<void> {
  const { alice, bob, pds } = server;
  await new PdsAccount(pds, bob).put("app.bsky.actor.profile", "self", {
    displayName: "بوب 🚀 الحاويات",
    description: "أبني الصور.\nI build images, mostly in the evening. 👩‍🚀🛠️",
  });
  const nightly = repositoryOf(server, alice, "nightly");
  for (let n = 0; n < 20; n++) {
    const image = await nightly.pushImage(`start-${n}`);
    const days = Array.from({ length: 49 }, (_, i) => {
      const day = new Date(Date.UTC(2026, 0, 1 + n * 49 + i));
      return `tag=${day.toISOString().slice(0, 10)}`;
    });
    const query = `?${days.join("&")}`;
    expect(await nightly.putManifest(image, image.digest, query), 201);
  }
  const handbook = repositoryOf(server, alice, "docs/handbook");
  const layer = randomBlob(9_000);
  const config = textBlob(JSON.stringify(HANDBOOK_CONFIG));
  for (const blob of [layer, config]) await handbook.pushBlob(blob);
  const image = imageManifest(config, [layer], { annotations: HANDBOOK });
  expect(await handbook.putManifest(image, "1.0"), 201);
  const now = new Date().toISOString();
  await new PdsAccount(pds, alice).put(
    "io.atcr.repo.page",
    "docs~handbook",
    {
      repository: "docs/handbook",
      description: README,
      userEdited: true,
      ...{ createdAt: now, updatedAt: now },
    },
  );
  const shop = `at://${alice.did}/io.atcr.repo.page/shop`;
  for (const [i, account] of [alice, bob].entries()) {
    await new PdsAccount(pds, account).put("io.atcr.sailor.star", `3k${i}`, {
      ...{ subject: shop, createdAt: now },
    });
  }
}

const HANDBOOK = {
  [`${NOTES}title`]: "Handbook",
  [`${NOTES}description`]: "The handbook as a web server.",
  [`${NOTES}licenses`]: "CC-BY-SA-4.0",
  [`${NOTES}version`]: "1.0",
  [`${NOTES}source`]:
    "https://git.example.com/a-team-with-a-long-name/handbook-of-the-team",
  [`${NOTES}url`]: "https://handbook.example.com",
};

const HANDBOOK_CONFIG = {
  os: "linux",
  architecture: "amd64",
  config: {
    User: "1000:1000",
    WorkingDir: "/srv/handbook",
    Entrypoint: ["/usr/bin/tini", "--"],
    Cmd: ["serve", "--root", "/srv/handbook", "--title", "The Handbook"],
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/bin", "PORT=8080"],
    ExposedPorts: { "8080/tcp": {} },
    Volumes: { "/srv/uploads": {} },
    StopSignal: "SIGQUIT",
    Healthcheck: { Test: ["CMD", "wget", "-q", "http://127.0.0.1:8080/up"] },
    Labels: { "com.example.team": "docs", "com.example.build": "1234" },
  },
  history: [
    { created_by: "COPY public /srv/handbook # buildkit" },
    { created_by: "ENV PORT=8080", empty_layer: true },
    {
      created_by: `RUN /bin/sh -c set -eux; ${
        "apk add --no-cache one-of-many-packages; ".repeat(12)
      }# buildkit`,
      empty_layer: true,
    },
  ],
};

const README = `# Handbook

The handbook of the team as a **web server**, with full text search.

## Usage

\`\`\`sh
docker run --rm -p 8080:8080 -e HANDBOOK_TITLE="The Handbook" -v "$PWD/uploads:/srv/uploads" registry.example.com/alice.test/docs/handbook:1.0
\`\`\`

| setting | default | meaning |
|---|---|---|
| \`PORT\` | 8080 | where it listens |
| \`HANDBOOK_TITLE\` | The Handbook | shown on every page |
| \`HANDBOOK_ROOT_OF_ALL_THE_DOCUMENTS\` | /srv/handbook | documents |

1. Write a page.
2. Push it:
   - by hand,
   - or by CI.

> A quotation from a page.
> It goes on.

![A picture](https://example.com/handbook.png) See [the source](https://git.example.com/handbook).

### دليل عربي

هذا نص من اليمين إلى اليسار.

---

Last line with \`code\` and a-very-long-word-${"without-an-end-".repeat(12)}.
`;

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
