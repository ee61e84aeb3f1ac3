/**
 * The documentation of this program, as pages of a server show it.
 *
 * @module
 */

/** Part of a page below one heading. */
export interface DocumentSection {
  readonly title: string;
  /** Names the heading in addresses. */
  readonly anchor: string;
  /** Markdown, without the heading. */
  readonly text: string;
}

/** A page. */
export interface DocumentPage {
  /** In its address. */
  readonly name: string;
  readonly title: string;
  /** Markdown, without the title. */
  readonly text: string;
  readonly sections: readonly DocumentSection[];
}

/** A place that a search has found. */
export interface DocumentHit {
  readonly page: DocumentPage;
  readonly section: DocumentSection;
  /** The text around the first word, on one line. */
  readonly excerpt: string;
}

/** The pages in the order of their list; others, for people who work on the program, are left out. */
const PAGES = [
  ...["signing-in", "hold", "webhooks", "avatars", "api", "operating"],
  ...["configuration", "xrpc", "architecture", "decisions"],
];

const MAX_HITS = 30;
const MAX_WORDS = 6;
/** Characters shown before and after the first word. */
const AROUND = 90;

/** The documents below a folder; none where they may not be read. */
export class Documentation {
  readonly pages: readonly DocumentPage[];

  constructor(root: URL) {
    this.pages = PAGES.flatMap((name) => {
      const text = readText(new URL(`docs/${name}.md`, root));
      return text === undefined ? [] : [pageOf(name, text)];
    });
  }

  /** The page of this name; undefined when there is none. */
  page(name: string): DocumentPage | undefined {
    return this.pages.find((page) => page.name === name);
  }

  /** Sections with all words of `query`, those with a word in the title first. */
  search(query: string): DocumentHit[] {
    const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "")
      .slice(0, MAX_WORDS);
    if (words.length === 0) return [];
    const hits = this.pages.flatMap((page) =>
      page.sections.flatMap((section) => {
        const title = section.title.toLowerCase();
        const text = `${title}\n${section.text}`.toLowerCase();
        if (!words.every((word) => text.includes(word))) return [];
        const isNamed = words.some((word) => title.includes(word));
        const excerpt = excerptOf(section.text, words);
        return [{ page, section, excerpt, isNamed }];
      })
    );
    return hits.sort((a, b) => Number(b.isNamed) - Number(a.isNamed))
      .slice(0, MAX_HITS);
  }
}

/** The name of a heading in addresses. */
export function anchorOf(title: string): string {
  return title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
}

function pageOf(name: string, markdown: string): DocumentPage {
  const text = markdown.replace(/^# .*\n+/, "");
  const title = /^# (.*)/.exec(markdown)?.[1] ?? name;
  const [intro = "", ...parts] = text.split(/^(?=#{2,3} )/m);
  const sections = parts.map((part): DocumentSection => {
    const [heading = "", ...lines] = part.split("\n");
    const own = heading.replace(/^#+ /, "").replaceAll("`", "");
    return { title: own, anchor: anchorOf(own), text: lines.join("\n") };
  });
  return {
    ...{ name, title, text },
    sections: [{ title, anchor: "", text: intro }, ...sections],
  };
}

function excerptOf(text: string, words: readonly string[]): string {
  const plain = text.replace(/^\|[-:| ]+\|$/gm, "")
    .replace(/[`*|#>[]|\]\([^)]*\)/g, "").replace(/\s+/g, " ");
  const lower = plain.toLowerCase();
  const places = words.map((word) => lower.indexOf(word)).filter((at) =>
    at >= 0
  );
  const at = places.length === 0 ? 0 : Math.min(...places);
  // A word is shown whole or not at all.
  const near = Math.max(0, at - AROUND);
  const from = near === 0 ? 0 : plain.indexOf(" ", near) + 1;
  const part = plain.slice(from, at + AROUND).replace(
    at + AROUND < plain.length ? / \S*$/ : / $/,
    "",
  );
  const isCut = at + AROUND < plain.length;
  return `${from > 0 ? "… " : ""}${part}${isCut ? " …" : ""}`;
}

function readText(file: URL): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable;
    if (isMissing) return undefined;
    throw error;
  }
}
