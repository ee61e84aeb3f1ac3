/**
 * The rows of the benchmark: pushes and pulls in three sizes and mixed, and the
 * small requests that clients send most.
 *
 * @module
 */

import { MANIFEST_TYPE } from "../clients/layout.ts";
import {
  expectStatus,
  pullImage,
  pushBlob,
  pushImage,
  putManifest,
  type Way,
} from "./actions.ts";
import { blob, type Image, image, MB } from "./content.ts";
import {
  repeat,
  repeatGet,
  type Sample,
  SMALL_WIDTH,
  workThrough,
} from "./load.ts";
import { authorization, type Target } from "./target.ts";
import { tokenRows } from "./token_rows.ts";
import { Wire } from "./wire.ts";

/** One row. */
export interface Row {
  readonly name: string;
  /** Writes what the row reads; called before each round, not measured. */
  prepare?(target: Target): Promise<void>;
  /** Measures once; `round` counts from 0. `undefined`: not served there. */
  measure(target: Target, round: number): Promise<Sample | undefined>;
}

/** How long the rows are. */
export interface Extent {
  /** Milliseconds of a row that repeats one request. */
  readonly ms: number;
  /** Factor of the number of images. */
  readonly share: number;
  /** Tags of the long tag list. */
  readonly tags: number;
}

/** Bytes, connections and images of the rows that move images. */
const SIZES = [
  { name: "1 MB", bytes: MB, width: 10, count: 100 },
  { name: "10 MB", bytes: 10 * MB, width: 4, count: 24 },
  { name: "100 MB", bytes: 100 * MB, width: 2, count: 4 },
];
const MIXED_WIDTH = 4;
const TAG_PAGE = 100;
/** zot takes no more than 46. */
const TAGS_OF_ONE_PUT = 40;

/** All rows, in the order in which they run. */
export function rows(extent: Extent): Row[] {
  return [
    ...pushRows(extent),
    ...pullRows(extent),
    ...smallRows(extent),
  ];
}

function pushRows({ share }: Extent): Row[] {
  const ways: Way[] = ["monolithic", "streamed"];
  const sized = SIZES.flatMap(({ name, bytes, width, count }) =>
    ways.map((way): Row => ({
      name: `push ${name}, ${way}`,
      measure: (target, round) =>
        pushAll(target, `push-${round}`, way, width, same(count, share, bytes)),
    }))
  );
  const mixed = ways.map((way): Row => ({
    name: `push mixed, ${way}`,
    measure: (target, round) => {
      const sizes = same(5, share, MB).flatMap((one) => [one, one * 10]);
      sizes.push(100 * MB);
      return pushAll(target, `push-${round}`, way, MIXED_WIDTH, sizes);
    },
  }));
  const alone: Row = {
    name: "push 1 MB, blob only",
    async measure(target, round) {
      const repo = target.repo(`push-${round}`);
      const auth = await authorization(target, repo);
      const blobs = same(100, share, MB).map(blob);
      return await workThrough(
        target.host,
        10,
        blobs,
        (wire, item) => pushBlob(wire, repo, auth, item, "monolithic"),
      );
    },
  };
  return [alone, ...sized, ...mixed];
}

async function pushAll(
  target: Target,
  name: string,
  way: Way,
  width: number,
  sizes: readonly number[],
): Promise<Sample> {
  const repo = target.repo(name);
  const auth = await authorization(target, repo);
  const images = sizes.map(image);
  return await workThrough(
    target.host,
    width,
    images,
    (wire, item) =>
      pushImage(wire, repo, auth, item, item.digest.slice(7, 19), way),
  );
}

function pullRows({ share }: Extent): Row[] {
  const stocks = new Map<Target, Promise<Map<number, Image>>>();
  const stock = (target: Target) => {
    const known = stocks.get(target) ?? fillStock(target);
    stocks.set(target, known);
    return known;
  };
  const prepare = async (target: Target) => void await stock(target);
  const pull = async (
    target: Target,
    width: number,
    sizes: readonly number[],
  ): Promise<Sample> => {
    const images = await stock(target);
    const repo = target.repo("pull");
    const auth = await authorization(target, repo);
    return await workThrough(target.host, width, sizes, (wire, size) => {
      const item = images.get(size);
      if (item === undefined) throw new Error(`no image of ${size} bytes`);
      return pullImage(wire, repo, auth, item, `t${size}`);
    });
  };
  const sized = SIZES.map(({ name, bytes, width, count }): Row => ({
    name: `pull ${name}`,
    prepare,
    measure: (target) => pull(target, width, same(count * 2, share, bytes)),
  }));
  const mixed: Row = {
    name: "pull mixed",
    prepare,
    measure: (target) => {
      const ten = [1, 1, 10, 10, 10, 10, 10, 10, 10, 100];
      const sizes = same(4, share, 0).flatMap(() => ten.map((mb) => mb * MB));
      return pull(target, MIXED_WIDTH, sizes);
    },
  };
  return [...sized, mixed];
}

async function fillStock(target: Target): Promise<Map<number, Image>> {
  const repo = target.repo("pull");
  const auth = await authorization(target, repo);
  const images = new Map<number, Image>();
  const wire = new Wire(target.host);
  for (const { bytes } of SIZES) {
    const item = image(bytes);
    await pushImage(wire, repo, auth, item, `t${bytes}`, "monolithic");
    images.set(bytes, item);
  }
  wire.close();
  return images;
}

function smallRows({ ms, tags }: Extent): Row[] {
  const seedOf = (repo: string, count: number) => {
    const seeds = new Map<Target, Promise<Image>>();
    return (target: Target) => {
      const known = seeds.get(target) ?? fillTags(target, repo, count);
      seeds.set(target, known);
      return known;
    };
  };
  // Some registries read a list of all tags for each request.
  const seed = seedOf("small", tags);
  const seedFew = seedOf("few", 0);
  const get = (
    name: string,
    path: (item: Image) => string,
    login = true,
    few = false,
  ): Row => ({
    name,
    prepare: async (target) => void await (few ? seedFew : seed)(target),
    async measure(target) {
      const item = await (few ? seedFew : seed)(target);
      const repo = target.repo(few ? "few" : "small");
      const auth = login ? await authorization(target, repo) : "";
      const headers = `${auth}accept: ${MANIFEST_TYPE}\r\n`;
      const full = `/v2/${repo}/${path(item)}`;
      return await repeatGet(target.host, full, headers, SMALL_WIDTH, ms);
    },
  });
  const head = (name: string, path: (item: Image) => string): Row => ({
    name,
    prepare: async (target) => void await seed(target),
    async measure(target) {
      const item = await seed(target);
      const repo = target.repo("small");
      const auth = await authorization(target, repo);
      const call = {
        method: "HEAD",
        path: `/v2/${repo}/${path(item)}`,
        headers: `${auth}accept: ${MANIFEST_TYPE}\r\n`,
      };
      return await repeat(target.host, SMALL_WIDTH, ms, async (wire) => {
        expectStatus(await wire.call(call), 200, name);
      });
    },
  });
  const tagList = (width: number): Row => ({
    name: `tag list, ${TAG_PAGE} of ${tags} tags, ${width} at once`,
    prepare: async (target) => void await seed(target),
    async measure(target) {
      const repo = target.repo("small");
      const auth = await authorization(target, repo);
      let turn = 0;
      return await repeat(target.host, width, ms, async (wire) => {
        // Page after page, as clients read a list that is longer than a page.
        const last = tagName(turn++ * TAG_PAGE % (tags - TAG_PAGE));
        const path = `/v2/${repo}/tags/list?n=${TAG_PAGE}&last=${last}`;
        const call = { method: "GET", path, headers: auth };
        expectStatus(await wire.call(call), 200, "tag list");
      });
    },
  });
  return [
    get("GET manifest by tag", () => "manifests/one"),
    get("GET manifest by tag, no login", () => "manifests/one", false),
    get("GET manifest by tag, only tag", () => "manifests/one", true, true),
    get("GET manifest by digest", ({ digest }) => `manifests/${digest}`),
    head("HEAD manifest by tag", () => "manifests/one"),
    get("GET config blob", ({ config }) => `blobs/${config.digest}`),
    head("HEAD blob", ({ layer }) => `blobs/${layer.digest}`),
    tagList(1),
    tagList(10),
    ...tokenRows(ms),
  ];
}

/** A repository with one small image, its tag `one`, and some other tags. */
async function fillTags(
  target: Target,
  name: string,
  tags: number,
): Promise<Image> {
  const repo = target.repo(name);
  const auth = await authorization(target, repo);
  const item = image(100_000);
  const wire = new Wire(target.host);
  await pushImage(wire, repo, auth, item, "one", "monolithic");
  wire.close();
  const step = target.manyTags ? TAGS_OF_ONE_PUT : 1;
  const starts = Array.from(
    { length: Math.ceil(tags / step) },
    (_, i) => i * step,
  );
  await workThrough(target.host, 4, starts, async (wire, first) => {
    const names = Array.from({ length: step }, (_, i) => tagName(first + i));
    const [only = ""] = names;
    const ref = target.manyTags
      ? `${item.digest}?tag=${names.join("&tag=")}`
      : only;
    await putManifest(wire, repo, auth, item.manifest, ref);
    return 0;
  });
  return item;
}

function tagName(number: number): string {
  return `t${String(number).padStart(6, "0")}`;
}

function same(count: number, share: number, value: number): number[] {
  return Array(Math.max(1, Math.round(count * share))).fill(value);
}
