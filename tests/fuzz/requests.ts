/**
 * Requests as no client should send them: valid ones with something wrong in
 * every place where a registry reads something.
 *
 * @module
 */

import fc from "fast-check";
import { TYPES } from "../support/oci.ts";
import { manifests } from "./manifests.ts";
import {
  digest,
  type Known,
  owner,
  places,
  repository,
  targetText,
} from "./places.ts";

/** Whose credentials a request carries. */
export type Who = "nobody" | "owner" | "other" | "header";

/** A request, ready to be sent but for the token. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query as they go over the wire. */
  readonly target: string;
  readonly who: Who;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | undefined;
  readonly chunked: boolean;
}

const headerText = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) =>
      String.fromCharCode(code)
    ),
    maxLength: 60,
  }),
  fc.nat({ max: 3_000 }).map((length) => "x".repeat(length)),
);

const number = fc.oneof(
  fc.integer().map(String),
  fc.nat({ max: 6_000 }).map(String),
  fc.constantFrom("0", "1", "-1", "1e3", "0x10", "", "9".repeat(30), "NaN"),
  fc.maxSafeNat().map(String),
);

const scope = (known: Known) =>
  fc.oneof(
    fc.constantFrom(
      "repository:alice.test/kept:pull",
      "repository:alice.test/scratch:pull,push,delete",
      "repository:bob.test/x:*",
      "registry:catalog:*",
      "repository::",
      "repository:a:b:c:d",
      "x".repeat(2_000),
      "a ".repeat(200),
    ),
    fc.tuple(owner(known), repository, targetText).map(([a, b, c]) =>
      `repository:${a}/${b}:${c}`
    ),
  );

const query = (known: Known) => {
  const name = fc.constantFrom(
    "n",
    "last",
    "digest",
    "mount",
    "from",
    "tag",
    "artifactType",
    "digest-algorithm",
    "ns",
    "scope",
    "service",
    "account",
    "offline_token",
    "",
  );
  const value = fc.oneof(
    number,
    digest(known),
    scope(known),
    targetText,
    fc.constantFrom("sha256", "sha512", "true", "alice.test/kept", "v1"),
  );
  const pair = fc.tuple(name, value).map(([key, text]) =>
    `${key}=${text.replaceAll(/[ #]/g, "%20")}`
  );
  return fc.array(pair, { maxLength: 4 }).map((pairs) =>
    pairs.length > 0 ? `?${pairs.join("&")}` : ""
  );
};

const range = fc.oneof(
  fc.tuple(number, number).map(([start, end]) => `${start}-${end}`),
  fc.constantFrom("-", "--", "0-", "-5", "0-0", "*", "5-0", "0-99/100"),
  headerText,
);

const credentials = fc.oneof(
  headerText,
  headerText.map((text) => `Bearer ${text}`),
  headerText.map((text) => `Basic ${text}`),
  fc.tuple(
    fc.constantFrom("nobody.test", "", "alice", "did:plc:x", "a:b"),
    headerText,
  ).map(([name, secret]) => `Basic ${btoa(`${name}:${secret}`)}`),
  fc.constantFrom("Bearer", "Basic", "bearer a.b.c", "Bearer a.b.c, Basic x"),
);

const header = fc.oneof(
  fc.tuple(
    fc.constant("range"),
    fc.oneof(range, range.map((text) => `bytes=${text}`)),
  ),
  fc.tuple(
    fc.constant("content-range"),
    fc.oneof(range, range.map((text) => `bytes ${text}`)),
  ),
  fc.tuple(
    fc.constantFrom("accept", "link", "if-none-match", "if-range", "cookie"),
    headerText,
  ),
  fc.tuple(
    fc.constant("content-type"),
    fc.oneof(headerText, fc.constantFrom(...Object.values(TYPES))),
  ),
  fc.tuple(fc.constant("x-request-id"), headerText),
  fc.tuple(fc.constant("expect"), fc.constant("100-continue")),
);

const form = (known: Known) =>
  fc.array(
    fc.tuple(
      fc.constantFrom(
        "grant_type",
        "username",
        "password",
        "refresh_token",
        "scope",
        "access_type",
        "client_id",
      ),
      fc.oneof(
        fc.constantFrom("password", "refresh_token", "nobody.test", "offline"),
        scope(known),
        headerText,
      ),
    ),
    { maxLength: 6 },
  ).map((pairs) =>
    new URLSearchParams(pairs.map(([key, value]) => [key, value])).toString()
  );

const body = (known: Known) =>
  fc.oneof(
    { weight: 6, arbitrary: manifests(known) },
    { weight: 2, arbitrary: form(known) },
    { weight: 2, arbitrary: headerText },
    { weight: 1, arbitrary: fc.constant("y".repeat(100_000)) },
  );

const otherMethods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
];

/** Requests with the credentials of one of `who`. */
export function requests(
  known: Known,
  who: readonly Who[],
): fc.Arbitrary<FuzzRequest> {
  return places(known).chain(({ path, methods }) =>
    fc.record({
      method: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...methods) },
        { weight: 1, arbitrary: fc.constantFrom(...otherMethods) },
      ),
      target: query(known).map((text) => path + text),
      who: fc.constantFrom(...who),
      headers: fc.tuple(fc.array(header, { maxLength: 3 }), credentials).map(
        ([headers, authorization]) =>
          [...headers, ["authorization", authorization]] as const,
      ),
      body: fc.option(body(known), { nil: undefined }),
      chunked: fc.boolean(),
    })
  );
}
