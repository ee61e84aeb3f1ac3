/**
 * What the pages of discovery are made from.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { Clock } from "../../../lib/clock.ts";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import type { IndexContext } from "../../../lib/context/index.ts";
import type { SocialContext } from "../../../lib/context/social/social.ts";
import type { Did } from "../../../lib/did.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import type { Browsers } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import type { Visitor } from "../document.tsx";
import type { HostOf } from "../host_of.ts";
import type { ListsDeps } from "./lists.ts";

export interface DiscoveryDeps extends ListsDeps {
  catalog: CatalogContext;
  index: IndexContext;
  social: SocialContext;
  browsers: Browsers;
  /** Where an account, or anybody, may pull. */
  mayReadAs: (caller: Did | undefined) => MayRead;
  clock: Clock;
  /** Host in names of images, as the visitor has chosen it. */
  hostOf: HostOf;
  /** Handle in commands for those who are not signed in. */
  example: string;
  /** Path of the page about pictures, where they are served. */
  avatars: string | undefined;
  /** Names of repositories that the operator shows first, as `owner/repository`. */
  featured: readonly string[];
}

/** A request for a page, with who asks for it. */
export interface Asked {
  readonly visitor: Visitor;
  readonly query: URLSearchParams;
  readonly mayRead: MayRead;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Who asks for a page. The answer is for this visitor alone. */
export async function askedOf(
  { browsers, mayReadAs, clock }: Pick<
    DiscoveryDeps,
    "browsers" | "mayReadAs" | "clock"
  >,
  c: Context<AppEnv>,
): Promise<Asked> {
  c.header("cache-control", "private, no-cache");
  const visitor = await browsers.visitor(c, await browsers.current(c));
  return {
    visitor,
    query: new URL(c.req.raw.url).searchParams,
    mayRead: mayReadAs(visitor.account?.did),
    now: clock.now(),
  };
}

/** One of the values that a field of a query may have; its first one where the field is missing. */
export function choiceOf<const T extends string>(
  all: readonly T[],
  text: string | null,
): T | undefined {
  return text === null || text === ""
    ? all[0]
    : all.find((one) => one === text);
}
