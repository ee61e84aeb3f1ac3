/**
 * The form of what the index knows in answers of the public API.
 *
 * @module
 */

import type { z } from "zod";
import type { AccountName } from "../../../lib/index/catalog/account_names.ts";
import type {
  NamedActivity,
  NamedStar,
  Person,
} from "../../../lib/index/catalog/people_catalog.ts";
import type {
  NamedRepository,
  RepositoryDetail,
} from "../../../lib/index/catalog/repository_catalog.ts";
import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import type {
  ListedMove,
  ListedTag,
} from "../../../lib/index/reads/tag_reads.ts";
import type {
  activitySchema,
  actorSchema,
  holdSchema,
  repositoryDetailSchema,
  repositorySchema,
  starSchema,
  tagMoveSchema,
  tagSchema,
} from "./schemas.ts";

const DAY_MS = 86_400_000;

/** RFC 3339 of milliseconds since the Unix epoch; a time that no date can be is the epoch. */
export function timeOf(at: number): string {
  return new Date(Math.abs(at) <= 8.64e15 ? at : 0).toISOString();
}

/** A repository in a list. */
export function shownRepository(
  { owner, repo, card }: NamedRepository,
): z.input<typeof repositorySchema> {
  const { image, page, newest, tags, stars, pulls } = card;
  const { notes = {} } = image ?? {};
  return {
    owner: shownAccount(owner),
    name: repo,
    description: page?.line ?? notes.description,
    kind: image?.kind ?? "artifact",
    mediaType: image?.mediaType ?? "",
    newest: newest && {
      tag: newest.tag,
      digest: newest.digest,
      at: timeOf(newest.at),
    },
    size: image?.size,
    platforms: [...image?.platforms ?? []],
    licenses: notes.licenses,
    source: notes.source,
    version: notes.version,
    ...{ tags, stars, pulls30d: pulls },
    hold: image?.holdDid ?? "",
  };
}

/** A repository by itself. */
export function shownDetail(
  detail: RepositoryDetail,
): z.input<typeof repositoryDetailSchema> {
  const { total, since, days } = detail.pulls;
  return {
    ...shownRepository(detail),
    pulls: {
      total,
      days: days.map((pulls, i) => ({
        day: timeOf(since + i * DAY_MS).slice(0, 10),
        pulls,
      })),
    },
  };
}

/** A tag, with what is known of the image that it names. */
export function shownTag(
  { tag, digest, at, facts }: ListedTag,
): z.input<typeof tagSchema> {
  const platforms = facts?.children?.flatMap(({ platform }) =>
    platform === undefined ? [] : [platform]
  );
  return {
    ...{ tag, digest, at: timeOf(at) },
    kind: facts?.kind,
    mediaType: facts?.mediaType,
    size: facts?.size,
    platforms: [...new Set(platforms)],
  };
}

/** A change of what a tag names. */
export function shownMove(
  { at, from, to }: ListedMove,
): z.input<typeof tagMoveSchema> {
  return { at: timeOf(at), from, to };
}

/** An account by its names. */
export function shownAccount({ did, handle, displayName }: AccountName) {
  return { did, handle, displayName };
}

/** A repository by its name alone. */
function shownPlace(owner: AccountName, name: string) {
  return { owner: shownAccount(owner), name };
}

/** An account with its profile. */
export function shownPerson(
  { did, handle, name, bio, avatarUrl, status, pins }: Person,
): z.input<typeof actorSchema> {
  return {
    ...{ did, handle, displayName: name, bio, avatar: avatarUrl, status },
    pins: pins.map(({ owner, repo }) => shownPlace(owner, repo)),
  };
}

/** A push or a star, with who did it and where. */
export function shownActivity(
  { what, actor, owner }: NamedActivity,
): z.input<typeof activitySchema> {
  return {
    kind: what.kind,
    at: timeOf(what.at),
    actor: shownAccount(actor),
    repository: shownPlace(owner, what.repo),
    ...(what.kind === "push" ? { tag: what.tag, digest: what.digest } : {}),
  };
}

/** A star, with who gave it and where. */
export function shownStar(
  { star, actor, owner }: NamedStar,
): z.input<typeof starSchema> {
  return {
    at: timeOf(star.at),
    actor: shownAccount(actor),
    repository: shownPlace(owner, star.repo),
  };
}

/** A hold, with what was found when it was last looked at. */
export function shownHold(
  { did, facts, state }: KnownHold,
): z.input<typeof holdSchema> {
  const { since, checkedAt, latencyMs } = state;
  return {
    did,
    captain: facts?.owner,
    public: facts?.public,
    allowAllCrew: facts?.allowAllCrew,
    region: facts?.region,
    successor: facts?.successor,
    reachable: state.reachable,
    since: since === undefined ? undefined : timeOf(since),
    checkedAt: checkedAt === undefined ? undefined : timeOf(checkedAt),
    latencyMs,
    version: state.version,
  };
}
