/**
 * Checks URLs chosen by other servers before clients are redirected to them:
 * clients trust our redirects and may be inside private networks.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { isIpAddress, isPublicAddress } from "./public_address.ts";

/** Which redirect targets are allowed. */
export interface TargetRules {
  /** Whether http and localhost are allowed: in the sandbox and in test mode. */
  readonly plain: boolean;
  /** Origins that may be reached without https in test mode. */
  readonly plainOrigins: readonly string[];
  /**
   * Our own origins, never a valid target: other servers must not choose what
   * clients request from us.
   */
  readonly ownOrigins: readonly string[];
}

/** Maximum length of a target, in characters. */
const MAX_LENGTH = 8_192;

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Names that resolve differently in each network (RFC 6762, 6761, 8375 and cloud metadata). */
const LOCAL_NAME =
  /(?:^|\.)(?:local|localhost|internal|home\.arpa|lan|intranet)$/;

/**
 * Resolves `text` against `base`. Throws AppError `UPSTREAM_FAILED` when
 * clients must not be sent there: a scheme other than https, user info, an
 * address or a name inside a private network, or our own origin. `who` is the
 * server that sent it.
 */
export function clientTarget(
  text: string,
  base: string,
  who: string,
  rules: TargetRules,
): URL {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text, base);
  const why = url ? fault(url, rules) : "is no URL";
  if (url && why === undefined) return url;
  throw new AppError(
    "UPSTREAM_FAILED",
    `${who} redirects to an address that ${why}; it is not passed on. Report this to its operator.`,
  );
}

function fault(url: URL, rules: TargetRules): string | undefined {
  if (url.protocol !== "https:" && !(rules.plain && url.protocol === "http:")) {
    return "is not reached over https";
  }
  if (url.username !== "" || url.password !== "") {
    return "has a user name or password in it";
  }
  const origin = withoutAlias(url);
  if (rules.ownOrigins.some((own) => withoutAlias(new URL(own)) === origin)) {
    return "is our own";
  }
  if (rules.plain) {
    if (rules.plainOrigins.includes(url.origin)) return undefined;
    if (LOOPBACK.test(url.hostname)) return undefined;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIpAddress(host)) {
    return isPublicAddress(host) ? undefined : "is in a private network";
  }
  // In test networks servers may have short names.
  if (rules.plain) return undefined;
  return !host.includes(".") || LOCAL_NAME.test(host)
    ? "is in a private network"
    : undefined;
}

/** The origin, with one spelling for localhost. */
function withoutAlias(url: URL): string {
  if (!LOOPBACK.test(url.hostname)) return url.origin;
  return `${url.protocol}//localhost:${url.port}`;
}
