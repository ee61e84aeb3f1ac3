/**
 * Badges of repositories, for READMEs elsewhere: pictures, and JSON for
 * shields.io ("Endpoint Badge"). They show what everybody may pull.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { type Format, makeBadge } from "badge-maker";
import { z } from "zod";
import type { CatalogContext } from "../../lib/context/social/catalog.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import type { RepositoryDetail } from "../../lib/index/catalog/repository_catalog.ts";
import type { MayRead } from "../../lib/index/reading.ts";
import { sendKept } from "../conditional.ts";
import { CORS_HEADERS } from "../cors.ts";
import type { AppEnv } from "../middleware.ts";
import { sizeText } from "../pages/parts/format.tsx";
import { type BadgeKind, type BadgePath, BADGES, parseBadge } from "./urls.ts";
import { xmlText } from "./xml.ts";

export interface BadgeDeps {
  readonly catalog: CatalogContext;
  /** Where anybody may pull. */
  readonly mayRead: () => MayRead;
}

/** What a badge says. */
interface Badge {
  readonly label: string;
  readonly message: string;
  readonly color: string;
}

/** How long anybody may keep a badge, in seconds; those who embed it ask again. */
const BADGE_SECONDS = 300;
/** Characters of a message. */
const MAX_MESSAGE = 60;

const STYLES = [
  "flat",
  "flat-square",
  "plastic",
  "for-the-badge",
  "social",
] as const;

const querySchema = z.object({
  style: z.enum(STYLES).default("flat"),
  label: z.string().max(MAX_MESSAGE).optional(),
});

const COMPACT = new Intl.NumberFormat("en", {
  notation: "compact",
  maximumFractionDigits: 1,
});

/** Serves `/badge/…`. */
export function badgeRoutes(deps: BadgeDeps): Hono<AppEnv> {
  return new Hono<AppEnv>().get("/badge/*", async (c) => {
    const path = parseBadge(new URL(c.req.url).pathname);
    if (!path) {
      throw new AppError(
        "NOT_FOUND",
        `A badge is at /badge/OWNER/REPOSITORY/WHAT.svg; WHAT is one of ${
          BADGES.join(", ")
        }.`,
      );
    }
    const query = querySchema.safeParse(c.req.query());
    if (!query.success) {
      throw new AppError(
        "INVALID_REQUEST",
        `The style must be one of ${
          STYLES.join(", ")
        }, and a label has at most ${MAX_MESSAGE} characters.`,
      );
    }
    const found = await badgeOf(deps, path);
    const { label, message, color } = found ?? MISSING;
    const badge = { label: query.data.label ?? label, message, color };
    const isJson = path.form === "json";
    return sendKept(c, {
      body: isJson
        ? JSON.stringify({ schemaVersion: 1, ...badge, isError: !found })
        : picture(badge, query.data.style),
      type: isJson ? "application/json" : "image/svg+xml; charset=utf-8",
      publicSeconds: BADGE_SECONDS,
      headers: {
        ...CORS_HEADERS,
        "cross-origin-resource-policy": "cross-origin",
      },
      status: found ? 200 : 404,
    });
  });
}

/** Shown for what does not exist, and for what is private. */
const MISSING: Badge = {
  label: "image",
  message: "not found",
  color: "lightgrey",
};

async function badgeOf(
  { catalog, mayRead }: BadgeDeps,
  { owner, repo, kind }: BadgePath,
): Promise<Badge | undefined> {
  const { names, repositories } = catalog;
  const readable = mayRead();
  try {
    const did = await names.find(owner.replace(/^@/, ""));
    const detail = await repositories.get({ did, repo }, readable);
    const size = kind === "size"
      ? await repositories.size(detail, readable)
      : undefined;
    return { ...LOOKS[kind], message: messageOf(kind, detail, size) };
  } catch (error) {
    if (isAppError(error, "NAME_UNKNOWN", "NAME_INVALID")) return undefined;
    throw error;
  }
}

const LOOKS: Record<BadgeKind, Omit<Badge, "message">> = {
  version: { label: "version", color: "blue" },
  tag: { label: "tag", color: "blue" },
  pulls: { label: "pulls", color: "brightgreen" },
  size: { label: "size", color: "blue" },
  stars: { label: "stars", color: "yellow" },
};

function messageOf(
  kind: BadgeKind,
  { card, pulls }: RepositoryDetail,
  size: number | undefined,
): string {
  const tag = card.newest?.tag ?? "none";
  if (kind === "tag") return tag;
  if (kind === "version") return card.image?.notes?.version ?? tag;
  if (kind === "pulls") return COMPACT.format(pulls.total);
  if (kind === "stars") return COMPACT.format(card.stars);
  return size === undefined ? "unknown" : sizeText(size);
}

function picture(
  { label, message, color }: Badge,
  style: NonNullable<Format["style"]>,
): string {
  const text = (one: string) =>
    xmlText([...one].slice(0, MAX_MESSAGE).join(""));
  return makeBadge({
    label: text(label),
    message: text(message),
    color,
    style,
  });
}
