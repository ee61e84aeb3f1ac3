/**
 * How the operator wants pages, pictures and the sign-in to look.
 *
 * @module
 */

import { sniff } from "../../avatar/image/sniff/sniff.ts";
import { type Accents, accentsOf } from "../../branding/accent.ts";
import { type Logo, logoOf, MAX_LOGO_BYTES } from "../../branding/logo.ts";
import type { Config } from "../../config/config.ts";
import { ConfigError } from "../../config/config_error.ts";
import type { ShareBrand } from "../../share/drawing.ts";

/** The look of this server. */
export interface Branding {
  /** What pages call this server. */
  readonly name: string;
  /** A file, or the URL of a picture elsewhere, which browsers do not load from there. */
  readonly logo: Logo | string | undefined;
  readonly accents: Accents | undefined;
}

/** Reads the look. Throws a ConfigError where the logo cannot be read or shown. */
export async function readBranding(
  { server, pages }: Pick<Config, "server" | "pages">,
): Promise<Branding> {
  const { short_name = server.client_name, accent, accent_dark } = pages;
  return {
    name: short_name,
    logo: await readLogo(pages.logo),
    accents: accent === undefined ? undefined : accentsOf(accent, accent_dark),
  };
}

/** The look of share pictures. A logo that is elsewhere is not in them. */
export function shareBrand({ name, logo, accents }: Branding): ShareBrand {
  return {
    name,
    ...(accents ? { accent: accents.light } : {}),
    ...(logo === undefined ? {} : { logo: dataUrl(logo) }),
  };
}

/** Where a PDS finds the logo when people sign in: a path here, or a URL. */
export function logoAddress({ logo }: Branding): string | undefined {
  return typeof logo === "string" ? logo : logo?.path;
}

function dataUrl(logo: Logo | string): string | undefined {
  return typeof logo === "string"
    ? undefined
    : `data:${logo.type};base64,${logo.bytes.toBase64()}`;
}

async function readLogo(
  place: string | undefined,
): Promise<Logo | string | undefined> {
  if (place === undefined || place.startsWith("https://")) return place;
  const logo = logoOf(await readFile(place), sniff);
  if (typeof logo === "string") throw refused(`the file ${place} ${logo}`);
  return logo;
}

async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw refused(`${path} is not a file`);
    // Not read at all, however large it is.
    if (size > MAX_LOGO_BYTES) {
      throw refused(
        `the file ${path} has ${size} bytes; a logo has at most ${MAX_LOGO_BYTES}`,
      );
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw refused(`the file ${path} cannot be read: ${why}`);
  }
}

function refused(message: string): ConfigError {
  return new ConfigError([{
    setting: "pages.logo",
    source: undefined,
    message,
  }]);
}
