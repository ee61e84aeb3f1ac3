/**
 * How large the index gets, and how long it takes to write and to ask.
 *
 *   deno task bench:index                             100,000 repositories with 10 tags each
 *   deno task bench:index --repositories 10000 --tags 3
 *   deno task bench:index --http                      also asks a server with that store
 *
 * Prints bytes on disk, processor time for a write, and for each question the
 * median, the 95th and the 99th of a hundred in milliseconds, of the wall and
 * of a processor. The other instances of a busy machine are in the former, not
 * in the latter.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { RepositoryRecords } from "../../lib/index/cards/repository_records.ts";
import { OwnChanges } from "../../lib/index/cards/own_changes.ts";
import { CardFacets } from "../../lib/index/cards/card_edit.ts";
import { CardReads } from "../../lib/index/reads/card_reads.ts";
import { ManifestReads } from "../../lib/index/reads/manifest_reads.ts";
import { TagReads } from "../../lib/index/reads/tag_reads.ts";
import {
  imageBytes,
  manifestRecord,
} from "../../lib/index/cards/testing_records.ts";
import { NameList } from "../../lib/index/search/name_list.ts";
import { OwnerNames } from "../../lib/index/search/owner_names.ts";
import { Search } from "../../lib/index/search/search.ts";
import { writeTag } from "../../lib/atproto/records/record_writers.ts";
import { manifestRkey, tagRkey } from "../../lib/atproto/records/rkeys.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Did } from "../../lib/did.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { parseManifest } from "../../lib/oci/manifest.ts";
import { say } from "../tools/command.ts";
import {
  commonly,
  digestOfNumber,
  fill,
  ownerOf,
  randomly,
  repositoryOf,
  wordOf,
} from "./made_up.ts";
import {
  choosePort,
  holdAt,
  measureOverHttp,
  percentiles,
} from "./over_http.ts";

const { values } = parseArgs({
  options: {
    repositories: { type: "string", default: "100000" },
    tags: { type: "string", default: "10" },
    rounds: { type: "string", default: "300" },
    writes: { type: "string", default: "2000" },
    http: { type: "boolean", default: false },
  },
});
const port = choosePort();
const HOLD = holdAt(port);
const amount = {
  repositories: Number(values.repositories),
  tags: Number(values.tags),
  hold: HOLD,
};
const rounds = Number(values.rounds);
const writes = Number(values.writes);

const folder = await Deno.makeTempDir({ prefix: "atcr-index-" });
const path = join(folder, "kv.sqlite3");
const kv = await openKv(path);
let rowsRead = 0;
const watch = {
  ignored: (collection: string, reason: string) =>
    say(`ignored: ${collection} ${reason}`),
  rowsRead: (_: string, rows: number) => {
    rowsRead = Math.max(rowsRead, rows);
  },
};
const owners = new OwnerNames(kv);
const facets = new CardFacets(kv);
const names = new NameList({ kv, clock: systemClock, maxNames: 200_000 });
const reads = { kv, watch };
const cards = new CardReads(reads);
const tags = new TagReads(reads);
const manifests = new ManifestReads(reads);
const search = new Search({ ...reads, owners, names });
const mayRead = (hold: Did) => Promise.resolve(hold === HOLD);

try {
  await measureFilling();
  await measureOwnPushes();
  await measureEvents();
  await measureQuestions();
  kv.close();
  if (values.http) {
    const { repositories } = amount;
    await measureOverHttp({ folder, port, repositories, rounds });
  }
} finally {
  kv.close();
  await Deno.remove(folder, { recursive: true });
}

/** Processor time of this process so far, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function measureFilling(): Promise<void> {
  const begun = performance.now();
  const count = await fill(kv, amount, { owners, facets }, (done) => {
    if (done % 20_000 === 0) say(`${done} repositories`);
  });
  let bytes = 0;
  for await (const { name } of Deno.readDir(folder)) {
    bytes += (await Deno.stat(join(folder, name))).size;
  }
  const seconds = (performance.now() - begun) / 1000;
  say(
    `${amount.repositories} repositories, ${count} tags: ` +
      `${(bytes / 1e6).toFixed(0)} MB on disk, ${
        (bytes / count).toFixed(0)
      } bytes a tag, filled in ${seconds.toFixed(0)} s`,
  );
}

/** Processor time of what a push adds to the registry's commit. */
async function measureOwnPushes(): Promise<void> {
  const own = new OwnChanges(kv, systemClock, owners);
  const did = ownerOf(1);
  const pushes = Array.from({ length: writes }, (_, i) => {
    const bytes = imageBytes(`own ${i}`, ["a", "b", "c"]);
    const manifest = parseManifest(bytes);
    return { digest: digestOf(bytes), manifest };
  });
  const before = cpuMs();
  for (const [i, { digest, manifest }] of pushes.entries()) {
    const at = Date.now();
    const change = {
      did,
      repo: "own",
      stored: {
        digest,
        manifest,
        holdDid: HOLD,
        createdAt: at,
        rkey: undefined,
      },
      tags: [{ tag: `t${i % 10}`, rkey: `own_t${i % 10}`, to: { digest, at } }],
    };
    const found = await kv.getMany<unknown>(own.reads(change));
    const commit = kv.atomic();
    await own.add(commit, change, found);
    if (!await commit.commit()) throw new Error("not stored");
  }
  const each = (cpuMs() - before) / writes;
  say(`own push, as a commit of its own: ${each.toFixed(3)} ms of a processor`);
}

/** Events of the network: a new manifest with a tag, as two changes. */
async function measureEvents(): Promise<void> {
  const records = new RepositoryRecords({
    ...{ kv, watch, defaultHold: HOLD },
    ...{ maxTags: 1e9, maxRepositories: 1e9, maxManifests: 1e9 },
  });
  const changes = Array.from({ length: writes / 2 }, (_, i) => {
    const did = ownerOf(50_000 + i % 100);
    const bytes = imageBytes(`event ${i}`, ["a", "b", "c"]);
    const digest = digestOf(bytes);
    const repository = `app${i % 10}`;
    const at = Date.now();
    const change = { did, at, cid: undefined, rev: undefined };
    return [
      {
        ...change,
        collection: "io.atcr.manifest",
        rkey: manifestRkey(digest),
        record: manifestRecord(repository, bytes, at),
      },
      {
        ...change,
        collection: "io.atcr.tag",
        rkey: tagRkey(repository, `t${i % 50}`),
        record: writeTag({
          ...{ did, repository, tag: `t${i % 50}`, digest, now: at },
          mediaType: "application/vnd.oci.image.manifest.v1+json",
        }),
      },
    ];
  }).flat();
  for (const times of ["first", "again"]) {
    const before = cpuMs();
    const begun = performance.now();
    for (const change of changes) await records.apply(change);
    const cpu = cpuMs() - before;
    const seconds = (performance.now() - begun) / 1000;
    say(
      `event, ${times}: ${
        (cpu / changes.length).toFixed(3)
      } ms of a processor, ${
        (changes.length / seconds).toFixed(0)
      } a second one after the other`,
    );
  }
}

async function measureQuestions(): Promise<void> {
  const random = randomly(7);
  const word = () => wordOf(commonly(random, 20_000));
  const owner = () => ownerOf(Math.floor(random() * amount.repositories / 5));
  const find = (q: string, more = {}) => search.find({ q, ...more }, mayRead);
  const ref = () => repositoryOf(Math.floor(random() * amount.repositories));
  let cursor: string | undefined;
  const questions: Record<string, () => Promise<unknown>> = {
    "newest 50": () => cards.newest({}, mayRead),
    "newest 50, page by page": async () => {
      ({ cursor } = await cards.newest({ cursor }, mayRead));
    },
    "newest 50 helm charts": () => cards.newest({ kind: "helm" }, mayRead),
    "newest of an owner": () => cards.newestOf(owner(), {}, mayRead),
    "card": () => cards.card(ref().did, ref().repo, mayRead),
    "tags of a repository": () =>
      tags.newest(ref().did, ref().repo, {}, mayRead),
    "repositories with a base layer": () =>
      manifests.sharing(
        digestOfNumber(1e9 + commonly(random, 2_000)),
        {},
        mayRead,
      ),
    "search nothing": () => find(""),
    "search nginx": () => find("nginx"),
    "search a word": () => find(word()),
    "search a prefix": () => find(word().slice(0, 3)),
    "search two words": () => find(`${word()} ${word()}`),
    "search a common and a rare word": () => find(`nginx ${wordOf(15_000)}`),
    "search with kind": () => find(word(), { kind: "helm" }),
    "search of an owner": () => find(word(), { owner: owner() }),
    "search a part of a name": () => find(word().slice(1, 6)),
    "search a handle": () =>
      find(`${wordOf(20 + 25 * Math.floor(random() * 1_000))}`),
    "search a typing error": () => find(`${word()}qqz`),
  };
  say(
    "question: median, 95th, 99th of a hundred in ms; the same of a processor; its mean; rows at most",
  );
  for (const [name, ask] of Object.entries(questions)) {
    await ask();
    rowsRead = 0;
    const [times, cpu]: [number[], number[]] = [[], []];
    for (let i = 0; i < rounds; i++) {
      const [begun, before] = [performance.now(), cpuMs()];
      await ask();
      times.push(performance.now() - begun);
      cpu.push(cpuMs() - before);
    }
    const mean = cpu.reduce((sum, ms) => sum + ms, 0) / rounds;
    say(
      `${name}: ${percentiles(times)}; ${percentiles(cpu)}; ${
        mean.toFixed(1)
      }; ${rowsRead}`,
    );
  }
  const { rss, heapUsed } = Deno.memoryUsage();
  say(
    `memory: ${(rss / 1e6).toFixed(0)} MB, heap ${
      (heapUsed / 1e6).toFixed(0)
    } MB`,
  );
}
