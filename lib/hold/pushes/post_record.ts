/**
 * The Bluesky post about a push, as an `app.bsky.feed.post` record: text with a
 * mention and hashtags, and a card that leads to the repository's page.
 *
 * @module
 */
import type { BlobRef } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";

/** Content of a post. */
export interface PostFacts {
  readonly did: Did;
  /** Handle of `did`; undefined when it has none that resolves. */
  readonly handle: string | undefined;
  readonly repository: string;
  /** Tags in the order of their pushes; at least one. */
  readonly tags: readonly string[];
  /** Bytes of all layers; undefined when not known. */
  readonly size: number | undefined;
  /** Number of layers of an image; undefined for an index. */
  readonly layers: number | undefined;
  /** For example `linux/amd64`. */
  readonly platforms: readonly string[];
  /** Hashtags of the repository's name, as far as there is room. */
  readonly hashtags: number;
  /** Origin of the registry's pages. */
  readonly registryUrl: string;
  /** Picture of the card, a blob of the hold's repo. */
  readonly picture?: BlobRef | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

// With the limits below the longest names stay within the 300 graphemes that
// the lexicon `app.bsky.feed.post` allows.
const MAX_NAME = 40;
const MAX_OWNER = 48;
const MAX_TAG = 20;
const MAX_PLATFORM = 18;

/** Tags and platforms named in a text; more are counted. */
const MAX_NAMED = 3;

/** Characters of a text: no more graphemes than the lexicon allows. */
const MAX_TEXT = 300;

/** Longer names are no hashtags that others look for. */
const MAX_HASHTAG = 32;

const HASHTAGS = ["atcr", "container"];

/** Builds the record of a post. */
export async function postRecord(
  facts: PostFacts,
): Promise<Record<string, unknown>> {
  const text = new MarkedText();
  const name = short(facts.repository, MAX_NAME);
  text.add(`📦 ${name} ${tagList(facts.tags)} pushed by `);
  const owner = facts.handle ?? facts.did;
  const shown = short(owner, MAX_OWNER);
  text.mark(facts.handle === undefined ? shown : `@${shown}`, {
    $type: "app.bsky.richtext.facet#mention",
    did: facts.did,
  });
  const summary = summaryOf(facts).join(" · ");
  if (summary !== "") text.add(`\n${summary}`);
  text.add("\n\n");
  hashtagsOf(facts, MAX_TEXT - text.length).forEach((tag, i) => {
    if (i > 0) text.add(" ");
    text.mark(`#${tag}`, { $type: "app.bsky.richtext.facet#tag", tag });
  });
  const path = [owner, ...facts.repository.split("/")].map((part) =>
    // A colon is legal in a path and keeps DIDs readable.
    encodeURIComponent(part).replaceAll("%3A", ":")
  );
  const latest = facts.tags.at(-1) ?? "";
  return {
    $type: "app.bsky.feed.post",
    ...await text.rich(),
    langs: ["en"],
    embed: {
      $type: "app.bsky.embed.external",
      external: {
        uri: new URL(`/r/${path.join("/")}`, facts.registryUrl).href,
        title: `${owner}/${facts.repository}:${latest}`,
        description: summary,
        ...(facts.picture === undefined ? {} : { thumb: facts.picture }),
      },
    },
    createdAt: new Date(facts.now).toISOString(),
  };
}

/** Hashtags that fit into `room` characters: those of the repository stand behind the others. */
function hashtagsOf(
  { repository, hashtags }: PostFacts,
  room: number,
): readonly string[] {
  const own = repository.split("/")
    // A hashtag ends at the first dot or dash.
    .map((part) => part.replaceAll(/[^a-z0-9]+/g, "_"))
    .filter((tag) => /[a-z]/.test(tag) && tag.length <= MAX_HASHTAG);
  const found = [...HASHTAGS];
  const wanted = new Set(own.filter((tag) => !found.includes(tag)));
  for (const tag of [...wanted].slice(0, hashtags)) {
    const length = [...found, tag].join(" #").length + 1;
    if (length <= room) found.push(tag);
  }
  return found;
}

/** Formats bytes for display: powers of 1000, at most one decimal. */
function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const rounded = unit === 0 ? value : Math.round(value * 10) / 10;
  return `${rounded} ${units[unit]}`;
}

/** Short facts about an image: its layers, its size, its platforms. */
export function summaryOf(
  { size, layers, platforms }: Pick<PostFacts, "size" | "layers" | "platforms">,
): string[] {
  const parts: string[] = [];
  if (layers !== undefined && layers > 0) {
    parts.push(layers === 1 ? "1 layer" : `${layers} layers`);
  }
  if (size !== undefined && size > 0) parts.push(humanSize(size));
  if (platforms.length > 0) {
    const named = platforms.slice(0, MAX_NAMED).map((name) =>
      short(name, MAX_PLATFORM)
    );
    const more = platforms.length - named.length;
    parts.push(named.join(", ") + (more > 0 ? ` and ${more} more` : ""));
  }
  return parts;
}

/** `v1`, `v1 and v2`, or `v1, v2, v3 and 4 more`. */
export function tagList(tags: readonly string[]): string {
  const named = tags.slice(0, MAX_NAMED).map((tag) => short(tag, MAX_TAG));
  const more = tags.length - named.length;
  if (more > 0) return `${named.join(", ")} and ${more} more`;
  const last = named.pop() ?? "";
  return named.length === 0 ? last : `${named.join(", ")} and ${last}`;
}

/** Truncates `text` to `length` characters without splitting one. */
function short(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length
    ? text
    : `${characters.slice(0, length - 1).join("")}…`;
}

/**
 * A text with facets. They are recorded while the text is built instead of
 * detected afterwards: a repository may be called `example.com/app`, which must
 * not become a link, and a DID or a shortened handle would not be detected.
 */
class MarkedText {
  #text = "";
  readonly #marks: {
    start: number;
    end: number;
    feature: Record<string, unknown> & { $type: string };
  }[] = [];

  get length(): number {
    return this.#text.length;
  }

  add(piece: string): void {
    this.#text += piece;
  }

  mark(
    piece: string,
    feature: Record<string, unknown> & { $type: string },
  ): void {
    const start = this.#text.length;
    this.add(piece);
    this.#marks.push({ start, end: this.#text.length, feature });
  }

  /** The text and its facets, which refer to UTF-8 bytes. */
  async rich(): Promise<{ text: string; facets: unknown }> {
    // Loaded lazily: it is large and only needed for posts.
    const { RichText, UnicodeString } = await import("@atproto/api");
    const unicode = new UnicodeString(this.#text);
    const rich = new RichText({
      text: this.#text,
      facets: this.#marks.map(({ start, end, feature }) => ({
        index: {
          byteStart: unicode.utf16IndexToUtf8Index(start),
          byteEnd: unicode.utf16IndexToUtf8Index(end),
        },
        features: [feature],
      })),
    });
    return { text: rich.text, facets: rich.facets ?? [] };
  }
}
