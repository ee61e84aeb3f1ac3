/**
 * What share pictures show, and how: an SVG document of 1200 by 630 units, the
 * size in which other sites show the pictures of links.
 *
 * @module
 */

import { cut, drawable, FONT, lines, widthOf } from "./letters.ts";

/** Size of every share picture, in pixels. */
export const SHARE_SIZE = { width: 1200, height: 630 } as const;

/** The look of the server in its pictures. */
export interface ShareBrand {
  /** What this server calls itself. */
  readonly name: string;
  /** Colour as `#rrggbb`; that of the program by default. */
  readonly accent?: string | undefined;
  /** `data:` URL of a logo in place of the program's sign. */
  readonly logo?: string | undefined;
}

/** What one picture says. Texts of strangers need no preparation. */
export interface ShareFacts {
  readonly brand: ShareBrand;
  /** Above the title, such as the owner of a repository. */
  readonly above?: string | undefined;
  /** The name of what is shared. */
  readonly title: string;
  /** A sentence or two. */
  readonly text?: string | undefined;
  /** Short facts, the most important first. */
  readonly facts: readonly string[];
}

const MARGIN = 80;
const WIDTH = SHARE_SIZE.width - 2 * MARGIN;

/** Sizes of a title; the first in which it fits is taken. */
const TITLE_SIZES = [92, 76, 64, 52] as const;
const MAX_TITLE_LINES = 2;
const MAX_TEXT_LINES = 2;
const MAX_FACTS = 5;

const COLOURS = {
  paper: "#f7f7f4",
  ink: "#16202b",
  muted: "#53606d",
  line: "#dcdfdb",
  accent: "#c2410c",
  mark: "#0b57d0",
} as const;

/** The document of a picture. */
export function shareDrawing(facts: ShareFacts): string {
  const { width, height } = SHARE_SIZE;
  const title = drawable(facts.title) ?? "";
  const size = TITLE_SIZES.find((one) => fits(title, one)) ?? 52;
  const titles = lines(title, size, { width: WIDTH, max: MAX_TITLE_LINES });
  const above = drawable(facts.above);
  const text = drawable(facts.text);
  const texts = text === undefined
    ? []
    : lines(text, 34, { width: WIDTH, max: MAX_TEXT_LINES });
  const body: string[] = [];
  let y = 210;
  if (above !== undefined) {
    y += 40;
    body.push(line(cut(above, 42, WIDTH), y, { size: 42, fill: "muted" }));
  }
  for (const one of titles) {
    y += Math.round(size * 1.12);
    body.push(line(one, y, { size, fill: "ink", bold: true }));
  }
  y += 24;
  // The facts stand at the bottom; a long title leaves less room for text.
  for (const one of texts.slice(0, y > 400 ? 1 : MAX_TEXT_LINES)) {
    y += 46;
    body.push(line(one, y, { size: 34, fill: "muted" }));
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<rect width="${width}" height="${height}" fill="${COLOURS.paper}"/>`,
    `<rect y="${height - 14}" width="${width}" height="14" fill="${
      facts.brand.accent ?? COLOURS.accent
    }"/>`,
    ...head(facts.brand),
    ...body,
    `<path d="M${MARGIN} 528H${
      width - MARGIN
    }" stroke="${COLOURS.line}" stroke-width="2"/>`,
    line(factLine(facts.facts), 578, { size: 30, fill: "ink" }),
    "</svg>",
  ].join("\n");
}

function fits(title: string, size: number): boolean {
  const shown = lines(title, size, { width: WIDTH, max: MAX_TITLE_LINES });
  // Two lines of the largest size leave no room for anything else.
  const max = size === TITLE_SIZES[0] ? 1 : MAX_TITLE_LINES;
  return shown.length <= max && !shown.some((one) => one.endsWith("…"));
}

/** The facts that fit into one line. */
function factLine(facts: readonly string[]): string {
  let shown = "";
  for (const fact of facts.slice(0, MAX_FACTS)) {
    const one = drawable(fact);
    if (one === undefined) continue;
    const longer = shown === "" ? one : `${shown}  ·  ${one}`;
    if (widthOf(longer, 30) > WIDTH && shown !== "") break;
    shown = longer;
  }
  return cut(shown, 30, WIDTH);
}

/** Box of the sign or the logo, in which a logo keeps its proportions. */
const MARK = { x: MARGIN, y: 76, side: 77 } as const;

/** The sign or the logo, and the server's name. */
function head({ name, accent = COLOURS.mark, logo }: ShareBrand): string[] {
  const { x, y, side } = MARK;
  const sign = logo === undefined
    ? programSign(accent)
    : `<image x="${x}" y="${y}" width="${side}" height="${side}" href="${
      escaped(logo)
    }"/>`;
  const shown = cut(drawable(name) ?? "", 36, WIDTH - 100);
  return [
    sign,
    text(shown, x + 96, 130, { size: 36, fill: "ink", bold: true }),
  ];
}

/** The sign of the program. */
function programSign(colour: string): string {
  return [
    `<g transform="translate(${MARK.x} ${MARK.y}) scale(2.4)">`,
    `<rect x="3" y="12" width="26" height="15" rx="2" fill="${colour}"/>`,
    '<path d="M9 12v15M16 12v15M23 12v15" stroke="#fff" stroke-width="1.5" opacity=".6"/>',
    `<path d="M6 12 16 4l10 8" fill="none" stroke="${colour}" stroke-width="2.5" stroke-linejoin="round"/>`,
    "</g>",
  ].join("\n");
}

interface TextStyle {
  readonly size: number;
  readonly fill: keyof typeof COLOURS;
  readonly bold?: boolean;
}

function line(content: string, y: number, style: TextStyle): string {
  return text(content, MARGIN, y, style);
}

function text(
  content: string,
  x: number,
  y: number,
  { size, fill, bold = false }: TextStyle,
): string {
  return `<text x="${x}" y="${y}" font-family="${FONT}" font-size="${size}" font-weight="${
    bold ? 700 : 400
  }" fill="${COLOURS[fill]}" xml:space="preserve">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
