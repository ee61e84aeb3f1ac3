/**
 * Addresses of receivers: validation, form of the body, and display.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { isIpAddress, isPublicAddress } from "../net/public_address.ts";
import type { Form } from "./webhook.ts";

const MAX_URL = 2_048;

const DISCORD = /^(?:(?:ptb|canary)\.)?discord(?:app)?\.com$/;
const SLACK = /^hooks\.slack(?:-gov)?\.com$/;

/**
 * Normalises the address of a receiver. Whether a host name resolves to a
 * private address is checked only by the guarded fetch.
 *
 * @param allowed origins that need not be public https servers.
 *
 * Throws AppError `INVALID_REQUEST`.
 */
export function receiverUrl(text: string, allowed: readonly string[]): URL {
  const url = text.length <= MAX_URL ? URL.parse(text.trim()) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw refused(
      `Give the address of the receiver as https://example.com/hook, at most ${MAX_URL} characters.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw refused(
      "The address has a user name or password in it; use a secret instead, which signs what is sent.",
    );
  }
  url.hash = "";
  if (allowed.includes(url.origin)) return url;
  if (url.protocol !== "https:" || url.port !== "") {
    throw refused("The receiver must be reached over https on the usual port.");
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isPublic = isIpAddress(host)
    ? isPublicAddress(host)
    : host.includes(".") && !/\.(localhost|local|internal)\.?$/.test(host);
  if (!isPublic) {
    throw refused(`${url.host} is not a server on the public Internet.`);
  }
  return url;
}

/** The form of bodies for the receiver at `url`. */
export function formOf(url: URL): Form {
  if (SLACK.test(url.hostname)) return "slack";
  const isDiscord = DISCORD.test(url.hostname) &&
    url.pathname.startsWith("/api/webhooks/");
  if (!isDiscord) return "json";
  // Discord accepts the form of Slack at a separate address.
  return url.pathname.endsWith("/slack") ? "slack" : "discord";
}

/** The address for display: those of chats are secrets. */
export function shownUrl(text: string, form: Form): string {
  return form === "json" ? text : `${new URL(text).origin}/…`;
}

function refused(sentence: string): AppError {
  return new AppError("INVALID_REQUEST", sentence);
}
