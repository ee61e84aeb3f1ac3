/**
 * Puts hostile text wherever clients and PDSes can put it.
 *
 * @module
 */

import {
  artifact,
  type Descriptor,
  descriptor,
  EMPTY_JSON,
  imageIndex,
  imageManifest,
  randomBlob,
  textBlob,
  TYPES,
} from "../../support/oci.ts";
import { PdsAccount } from "../../support/pds.ts";
import { expect, Repository } from "../../support/registry.ts";
import type { TestServer } from "../../support/server.ts";
import { HOSTILE_ASCII, HOSTILE_TEXTS, hostileGroups } from "./strings.ts";

/** A page, and the texts that it has to show. */
export interface Place {
  readonly path: string;
  readonly texts: readonly string[];
}

const NOTES = "org.opencontainers.image.";
/** Characters shown of a note. */
const MAX_NOTE = 500;
/** Listed on one page. */
const MAX_REFERRERS = 50;
/** Images of an index that are looked at. */
const MAX_ENTRIES = 62;

/** Repositories with every kind of text that pushes bring. */
export async function pushHostile(server: TestServer): Promise<Place[]> {
  const places = [
    await pushConfig(server),
    await pushFiles(server),
    await pushChart(server),
    ...await pushPlatforms(server),
    ...await pushReferrers(server),
  ];
  return [...places, ...await pushNotes(server)];
}

/** Texts in a configuration and as annotations, names and values. */
async function pushConfig(server: TestServer): Promise<Place> {
  const repository = alices(server, "hostile/config");
  const layer = randomBlob(500);
  const pairs = (prefix: string) =>
    Object.fromEntries(HOSTILE_TEXTS.map((text) => [prefix + text, text]));
  const names = Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, {}]));
  const all = HOSTILE_TEXTS.join(" ");
  const config = textBlob(JSON.stringify({
    os: "linux",
    architecture: "amd64",
    author: all,
    config: {
      User: all,
      WorkingDir: all,
      StopSignal: all,
      Entrypoint: HOSTILE_TEXTS,
      Cmd: HOSTILE_TEXTS,
      Healthcheck: { Test: HOSTILE_TEXTS },
      Env: HOSTILE_TEXTS.map((text) => `${text}=${text}`),
      Labels: pairs("label "),
      ExposedPorts: names,
      Volumes: names,
    },
    history: [
      { created_by: "COPY . ." },
      ...HOSTILE_TEXTS.flatMap((text) => [
        { created_by: `RUN ${text}`, empty_layer: true },
        { created_by: text, empty_layer: true },
      ]),
    ],
  }));
  for (const blob of [layer, config]) await repository.pushBlob(blob);
  const image = imageManifest(config, [layer], { annotations: pairs("") });
  expect(await repository.putManifest(image, "v1"), 201);
  return { path: `/r/${repository.name}:v1`, texts: HOSTILE_TEXTS };
}

/** Texts as names of files, and as types of them. */
async function pushFiles(server: TestServer): Promise<Place> {
  const repository = alices(server, "hostile/files");
  const file = textBlob("content");
  for (const blob of [file, EMPTY_JSON]) await repository.pushBlob(blob);
  const layers = HOSTILE_TEXTS.map((text, i) => ({
    ...descriptor(file, HOSTILE_ASCII[i % HOSTILE_ASCII.length] ?? ""),
    annotations: { [`${NOTES}title`]: text },
  }));
  const files = artifact("application/vnd.example.files", undefined, {
    layers,
  });
  expect(await repository.putManifest(files, "v1"), 201);
  return { path: `/r/${repository.name}:v1`, texts: HOSTILE_TEXTS };
}

/** Texts in the configuration of a chart. */
async function pushChart(server: TestServer): Promise<Place> {
  const repository = alices(server, "hostile/chart");
  const config = textBlob(JSON.stringify(
    Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, [text]])),
  ));
  const layer = randomBlob(500);
  for (const blob of [layer, config]) await repository.pushBlob(blob);
  const chart = imageManifest(config, [layer], {
    config: descriptor(config, "application/vnd.cncf.helm.config.v1+json"),
  });
  expect(await repository.putManifest(chart, "1.0.0"), 201);
  return {
    path: `/r/${repository.name}:1.0.0`,
    texts: HOSTILE_TEXTS.map((text) => JSON.stringify([text])),
  };
}

/** Texts as platforms of an index. */
async function pushPlatforms(server: TestServer): Promise<Place[]> {
  const repository = alices(server, "hostile/platforms");
  const places: Place[] = [];
  const image = await repository.pushImage();
  for (let at = 0; at < HOSTILE_TEXTS.length; at += MAX_ENTRIES) {
    const texts = HOSTILE_TEXTS.slice(at, at + MAX_ENTRIES);
    const entries = texts.map((text): Descriptor => ({
      ...image.descriptor,
      platform: { os: text, architecture: text },
    }));
    const tag = `v${at}`;
    expect(await repository.putManifest(imageIndex(entries), tag), 201);
    places.push({ path: `/r/${repository.name}:${tag}`, texts });
  }
  return places;
}

/** Texts as types of what is attached to images. */
async function pushReferrers(server: TestServer): Promise<Place[]> {
  const repository = alices(server, "hostile/attached");
  await repository.pushEmptyJson();
  const types = hostileGroups(250, HOSTILE_ASCII);
  const places: Place[] = [];
  for (let at = 0; at < types.length; at += MAX_REFERRERS) {
    const image = await repository.pushImage(`v${at}`);
    const texts = types.slice(at, at + MAX_REFERRERS);
    for (const text of texts) {
      const attached = artifact(text, image.descriptor, {
        annotations: { [`${NOTES}created`]: text },
      });
      expect(await repository.putManifest(attached), 201);
    }
    places.push({ path: `/r/${repository.name}:v${at}`, texts });
  }
  return places;
}

/** Texts in what images say about themselves, which lists and search show. */
async function pushNotes(server: TestServer): Promise<Place[]> {
  const places: Place[] = [];
  for (const [i, text] of hostileGroups(MAX_NOTE - 1).entries()) {
    const repository = alices(server, `hostile/notes${i}`);
    const names = ["title", "description", "licenses", "version"];
    const links = ["source", "url", "documentation"];
    await repository.pushImage("v1", {
      annotations: Object.fromEntries([
        ...names.map((name) => [`${NOTES}${name}`, text]),
        ...links.map((name) => [`${NOTES}${name}`, `https://a.test/${text}`]),
        ...["io.atcr.readme", "io.atcr.icon"].map((name) => [name, text]),
      ]),
    });
    places.push({ path: `/r/${repository.name}`, texts: [text] });
  }
  return places;
}

/** Records that other programs wrote into the accounts' repos: names, tags, stars and descriptions. */
export async function writeHostileRecords(
  server: TestServer,
): Promise<Place[]> {
  const { alice, bob, pds } = server;
  const bobs = new PdsAccount(pds, bob);
  const alices = new PdsAccount(pds, alice);
  const image = randomBlob(10);
  const createdAt = new Date().toISOString();
  for (const [i, text] of HOSTILE_TEXTS.entries()) {
    await bobs.put("io.atcr.tag", `hostile${i}`, {
      repository: i % 2 === 0 ? text : "foreign",
      tag: text,
      manifestDigest: image.digest,
      mediaType: text,
      createdAt: text,
    });
    await bobs.put("io.atcr.sailor.star", `hostile${i}`, {
      subject: i % 2 === 0
        ? `at://${alice.did}/io.atcr.repo.page/${text}`
        : { did: text, repository: text },
      createdAt: i % 3 === 0 ? text : createdAt,
    });
  }
  await bobs.put("io.atcr.manifest", image.digest.slice(7), {
    repository: "<script>alert(1)</script>",
    digest: image.digest,
    mediaType: TYPES.manifest,
    holdDid: `did:web:<script>alert(1)</script>`,
    createdAt,
  });
  const forms = [
    (text: string) => text,
    (text: string) => `[${text}](${text})`,
    (text: string) => `<${text}>`,
    (text: string) => `<a href="${text}" title='${text}'>a</a>`,
    (text: string) => `![${text}](<${text}> "${text}")`,
  ];
  const places: Place[] = [];
  for (const [i, form] of forms.entries()) {
    await alices.put("io.atcr.repo.page", `hostile~notes${i}`, {
      repository: `hostile/notes${i}`,
      description: `Readme ${i}\n\n${HOSTILE_TEXTS.map(form).join("\n\n")}`,
      userEdited: true,
      createdAt,
      updatedAt: createdAt,
    });
    places.push({
      path: `/r/alice.test/hostile/notes${i}`,
      texts: [`Readme ${i}`],
    });
  }
  return places;
}

/** All names and tags that no repository may have are refused. */
export async function pushHostileNames(server: TestServer): Promise<number> {
  const token = await alices(server, "hostile/notes0").token();
  let refused = 0;
  for (const text of HOSTILE_TEXTS) {
    const name = encodeURIComponent(text);
    for (
      const path of [
        `alice.test/a/manifests/${name}`,
        `alice.test/${name}/manifests/a`,
      ]
    ) {
      const response = await fetch(`${server.origin}/v2/${path}`, {
        method: "PUT",
        headers: {
          "content-type": TYPES.manifest,
          authorization: `Bearer ${token}`,
        },
        body: imageManifest(EMPTY_JSON, []).bytes,
      });
      await response.body?.cancel();
      const type = response.headers.get("content-type");
      if (response.status >= 400 && type === "application/json") refused++;
    }
  }
  return refused;
}

function alices(server: TestServer, name: string): Repository {
  return new Repository(server, server.alice, `alice.test/${name}`);
}
