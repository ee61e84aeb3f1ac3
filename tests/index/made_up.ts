/**
 * Made-up repositories, as many as one likes, the same ones each time.
 *
 * @module
 */

import {
  addEdit,
  type RepoRef,
} from "../../lib/index/cards/repository_edit.ts";
import { contentRow } from "../../lib/index/cards/manifest_facts.ts";
import { setFacts } from "../../lib/index/cards/facts_rows.ts";
import type { FactsRow, TagRow } from "../../lib/index/cards/rows.ts";
import type { CardFacets } from "../../lib/index/cards/card_edit.ts";
import type { OwnerNames } from "../../lib/index/search/owner_names.ts";
import type { Did } from "../../lib/did.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import type { Digest } from "../../lib/oci/digest.ts";

/** How much to make up. */
export interface Amount {
  readonly repositories: number;
  /** Tags of a repository on average. */
  readonly tags: number;
  /** Where nine of ten images are. */
  readonly hold: Did;
}

const START = Date.UTC(2026, 0, 1);
const SYLLABLES = "ba co da fe gi ho ju ka lo mi na po qui ra su ta ve xo zi nu"
  .split(" ");
const KNOWN =
  "nginx redis postgres node python web api proxy base app worker db"
    .split(" ");

/** Numbers that look random and are the same each time. */
export function randomly(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The word number `n`; low numbers are common words. */
export function wordOf(n: number): string {
  const known = KNOWN[n];
  if (known !== undefined) return known;
  let text = "";
  for (let rest = n; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    text += SYLLABLES[rest % SYLLABLES.length];
  }
  return text;
}

/** A number of a word, low ones much more often than high ones. */
export function commonly(random: () => number, words: number): number {
  return Math.floor(words ** random()) - 1;
}

/** The owner number `n`. */
export function ownerOf(n: number): Did {
  const text = n.toString(26).replace(
    /[0-9a-p]/g,
    (c) => "abcdefghijklmnopqrstuvwxyz"[parseInt(c, 26)] ?? "",
  );
  return `did:plc:${text.padStart(24, "a")}`;
}

/** A digest that no content has. */
export function digestOfNumber(n: number): Digest {
  return `sha256:${(n * 7_919 + 1).toString(16).padEnd(64, "5")}`;
}

/** The repository number `n` of the owners. */
export function repositoryOf(n: number): RepoRef {
  const random = randomly(Math.imul(n + 1, 2_654_435_761));
  const owner = Math.floor(n / 5);
  const parts = [commonly(random, 20_000), commonly(random, 20_000)];
  return {
    did: ownerOf(owner),
    repo: `${parts.map(wordOf).join(n % 3 === 0 ? "/" : "-")}${n % 7 || ""}`,
  };
}

/** Facts of the manifest number `n`. */
export function factsOf(
  n: number,
  { repo, hold }: { repo: string; hold: Did },
  random: () => number,
) {
  const layer = (number: number) => ({
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: digestOfNumber(1e9 + number),
    size: 5_000_000 + number,
  });
  const facts: FactsRow = {
    ...contentRow({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: n % 20 === 0
          ? "application/vnd.cncf.helm.config.v1+json"
          : "application/vnd.oci.image.config.v1+json",
        digest: digestOfNumber(2e9 + n),
        size: 3_000,
      },
      layers: [layer(commonly(random, 2_000)), layer(10_000 + n)],
      manifests: [],
      annotations: {
        "org.opencontainers.image.description": Array.from(
          { length: 8 },
          () => wordOf(commonly(random, 20_000)),
        ).join(" "),
        "org.opencontainers.image.licenses": "MIT",
      },
    }),
    repo,
    holdDid: n % 10 === 0 ? "did:web:private.example.com" : hold,
    createdAt: START + n * 1_000,
    exact: true,
  };
  return facts;
}

/** Fills an empty index; returns how many tags were made. */
export async function fill(
  kv: Kv,
  { repositories, tags, hold }: Amount,
  { owners, facets }: { owners: OwnerNames; facets: CardFacets },
  progress: (done: number) => void,
): Promise<number> {
  const random = randomly(1);
  let manifests = 0;
  let commit = kv.atomic();
  let pending = 0;
  const flush = async () => {
    if (pending > 0 && !await commit.commit()) throw new Error("not stored");
    commit = kv.atomic();
    pending = 0;
  };
  const names = new Set<string>();
  for (let n = 0; n < repositories; n++) {
    const ref = repositoryOf(n);
    if (names.size > 50) names.clear();
    if (names.has(`${ref.did} ${ref.repo}`)) continue;
    names.add(`${ref.did} ${ref.repo}`);
    // Most have few tags, and some many.
    const count = Math.max(1, Math.floor(-tags * Math.log(1 - random())));
    for (let i = 0; i < count; i += 40) {
      if (i > 0) await flush();
      const card = i === 0 ? undefined : await kv.get<never>(
        ["index", 1, "card", ref.did, ref.repo],
      );
      const some = Array.from({ length: Math.min(40, count - i) }, (_, j) => {
        const number = manifests++;
        const facts = factsOf(number, { repo: ref.repo, hold }, random);
        const digest = digestOfNumber(number);
        setFacts(commit, ref.did, digest, facts);
        const row: TagRow = [{
          rkey: `${ref.repo.replaceAll("/", "~")}_v${i + j}`,
          digest,
          at: facts.createdAt,
        }];
        return { tag: `v${i + j}`, before: undefined, after: row, facts };
      });
      const facts = new Map(
        some.map(({ after, facts }) => [after[0].digest, facts] as const),
      );
      await addEdit(kv, commit, { ref, card, tags: some, facts });
      pending += some.length;
      // One more of 40 tags fits as well.
      if (pending >= 50) await flush();
    }
    if (n % 25 === 0) {
      await owners.setHandle(ref.did, `${wordOf(20 + n)}.example.com`);
    }
    if (n % 10 === 0) {
      await flush();
      const pulls30d = Math.floor(10 ** (6 * random() ** 3));
      await facets.setPopularity(ref.did, ref.repo, { stars: 0, pulls30d });
    }
    if (n % 1_000 === 0) progress(n);
  }
  await flush();
  return manifests;
}
