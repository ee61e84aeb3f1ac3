/**
 * What the labels and annotations of an image say about its repository.
 *
 * @module
 */

/** Names and values, as an image has them. */
export type ImageNotes = Readonly<Record<string, string>>;

/** What a page is made from. */
export interface PageFacts {
  /** Where the text is. */
  readonly readme: URL | undefined;
  /** Where the picture is. */
  readonly icon: URL | undefined;
  /** A sentence that stands in for the text where there is none. */
  readonly description: string | undefined;
}

/** Longest description taken from a label, in characters. */
const MAX_DESCRIPTION = 5_000;

/** Reads `notes`; undefined when they say nothing that a page shows. */
export function pageFacts(notes: ImageNotes): PageFacts | undefined {
  const readme = webAddress(notes["io.atcr.readme"]);
  const icon = webAddress(notes["io.atcr.icon"]);
  const description = notes["org.opencontainers.image.description"]?.trim()
    .slice(0, MAX_DESCRIPTION) || undefined;
  if (!readme && !icon && description === undefined) return undefined;
  return { readme, icon, description };
}

function webAddress(text: string | undefined): URL | undefined {
  const url = URL.parse(text ?? "");
  return url?.protocol === "https:" ? url : undefined;
}
