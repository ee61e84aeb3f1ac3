/**
 * What the frame of a page depends on besides the page: the visitor's choices,
 * the address, the modules of islands and the style sheet.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { getCookie, setCookie } from "@hono/hono/cookie";
import type { IslandModules } from "../../../lib/install/island_modules.ts";
import type { Lag } from "../../../lib/index/network/network_lag.ts";
import type { AppEnv } from "../../middleware.ts";

/** Themes; `system` follows the visitor's system. */
const THEMES = ["system", "light", "dark"] as const;

/** A theme. */
type Theme = typeof THEMES[number];

/** Programs that pull images. */
const CLIENTS = [
  "docker",
  "podman",
  "skopeo",
  "crane",
  "oras",
  "helm",
] as const;

/** A program that pulls images. */
export type Client = typeof CLIENTS[number];

/** The programs that a visitor may prefer. */
export const PREFERRED_CLIENTS = [
  "docker",
  "podman",
  "skopeo",
  "crane",
] as const;

const SWITCH = ["on", "off"] as const;

/** A logo under an address of this server. */
interface SiteLogo {
  readonly path: string;
  /** In pixels, where they are known. */
  readonly width?: number;
  readonly height?: number;
}

/** What the frames of all pages have in common. */
export interface Site {
  /** What this server calls itself. */
  readonly brand: string;
  /** The operator's logo; undefined for the sign of the program. */
  readonly logo?: SiteLogo | undefined;
  /** What a visitor sees who has chosen no theme; `system` by default. */
  readonly defaultTheme?: Theme | undefined;
  /** Origin of the pages; empty where none is known. */
  readonly origin: string;
  /** Whether this server has a registry, with search and lists. */
  readonly isRegistry: boolean;
  /** Undefined where nothing was built; pages work without scripts. */
  readonly modules: IslandModules | undefined;
  /** Path of the style sheet; undefined where it cannot be read. */
  readonly styleSheet: string | undefined;
  /** What is missing of the network on this page; `now` in milliseconds since the Unix epoch. */
  readonly lag?: (Lag & { readonly now: number }) | undefined;
}

/** The frame of one page. */
export interface Frame extends Site {
  readonly theme: Theme;
  /** The program whose commands are shown. */
  readonly client: Client;
  /** The domain in commands that the visitor chose; to be ignored where it is none of ours. */
  readonly domain: string | undefined;
  /** Whether single keys do something, such as `/` for search. */
  readonly hasShortcuts: boolean;
  /** Path of the page, where forms lead back to; without its query, which may have secrets. */
  readonly path: string;
}

const DEFAULT_SITE: Site = {
  brand: "ATCR",
  origin: "",
  isRegistry: false,
  modules: undefined,
  styleSheet: undefined,
};

const COOKIES = {
  theme: "atcr_theme",
  client: "atcr_client",
  domain: "atcr_domain",
  shortcuts: "atcr_shortcuts",
} as const;

const DOMAIN = /^[a-z0-9.-]{1,255}(?::\d{1,5})?$/;

const KEPT_SECONDS = 365 * 86_400;

/** The picture that stands for this server in tabs and lists; its media type where it is known. */
export function iconOf(
  { logo }: Pick<Site, "logo">,
): { readonly path: string; readonly type: string | undefined } {
  return logo
    ? { path: logo.path, type: undefined }
    : { path: "/static/icon.svg", type: "image/svg+xml" };
}

/** The frame of the page that is requested. */
export function frameOf(c: Context<AppEnv>): Frame {
  const site = c.get("site");
  return {
    theme: oneOf(THEMES, getCookie(c, COOKIES.theme)) ?? site?.defaultTheme ??
      "system",
    client: oneOf(CLIENTS, getCookie(c, COOKIES.client)) ?? "docker",
    domain: domainOf(getCookie(c, COOKIES.domain)),
    hasShortcuts: getCookie(c, COOKIES.shortcuts) !== "off",
    path: new URL(c.req.raw.url).pathname,
    ...DEFAULT_SITE,
    ...site,
  };
}

/** Keeps the choices of a form in cookies; what is none of the choices is left out. */
export function keepChoices(
  c: Context<AppEnv>,
  form: URLSearchParams,
  secure: boolean,
): void {
  const choices = {
    theme: oneOf(THEMES, form.get("theme")),
    client: oneOf(CLIENTS, form.get("client")),
    domain: domainOf(form.get("domain")),
    shortcuts: oneOf(SWITCH, form.get("shortcuts")),
  };
  for (const [name, value] of Object.entries(choices)) {
    if (value === undefined) continue;
    setCookie(c, COOKIES[name as keyof typeof COOKIES], value, {
      path: "/",
      httpOnly: true,
      sameSite: "Lax",
      secure,
      maxAge: KEPT_SECONDS,
    });
  }
}

function domainOf(text: string | null | undefined): string | undefined {
  return DOMAIN.test(text ?? "") ? text ?? undefined : undefined;
}

function oneOf<T extends string>(
  all: readonly T[],
  text: string | null | undefined,
): T | undefined {
  return all.find((one) => one === text);
}
