/**
 * Requests as no client should send them: valid ones with something wrong in
 * every place where a registry reads something.
 *
 * @module
 */

import fc from "fast-check";
import { TYPES } from "../support/oci.ts";
import { type Content, manifests } from "./manifests.ts";

/** Whose credentials a request carries. */
export type Who = "nobody" | "owner" | "other" | "expired" | "header";

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

/** What exists on the server, to be met now and then. */
export interface Known extends Content {
  readonly ownerDid: string;
  /** Ids of uploads that are open. */
  readonly uploads: readonly string[];
}

const digestChars = "0123456789abcdef";
const hex = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...digestChars),
    minLength: length,
    maxLength: length,
  });

/** Visible ASCII and what else may stand in a request line. */
const targetText = fc.string({
  unit: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(..."abcz019._-~!$&'()*+,;=:@") },
    {
      weight: 5,
      arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) =>
        `%${byte.toString(16).padStart(2, "0")}`
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom("%", "%zz", "%c3%a9", "[", "|") },
  ),
  maxLength: 40,
});

const headerText = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) =>
      String.fromCharCode(code)
    ),
    maxLength: 60,
  }),
  fc.nat({ max: 3_000 }).map((length) => "x".repeat(length)),
);

const digest = (known: Known) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known.digests) },
    { weight: 3, arbitrary: hex(64).map((text) => `sha256:${text}`) },
    { weight: 1, arbitrary: hex(128).map((text) => `sha512:${text}`) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "sha256:",
        "sha256:ABC",
        `md5:${"a".repeat(32)}`,
        `sha256:${"A".repeat(64)}`,
        `sha256%3A${"a".repeat(64)}`,
        `sha256:${"a".repeat(63)}`,
        `SHA256:${"a".repeat(64)}`,
        "sha256:../../../../etc/passwd",
        ":",
      ),
    },
    { weight: 1, arbitrary: targetText },
  );

const owner = ({ ownerDid }: Known) =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constant("alice.test") },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ownerDid,
        ownerDid.replaceAll(":", "-"),
        "ALICE.test",
        "%61lice.test",
        "bob.test",
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "nobody.test",
        "alice",
        "",
        ".",
        "..",
        "-.test",
        "did:plc:",
        "did-plc-aaaa",
        "did:key:zabc",
        "did:web:%2e%2e",
        `${"a".repeat(63)}.test`,
        `${"a.".repeat(120)}test`,
        "alice.test%2Fkept",
        "alice.test%00",
      ),
    },
    // Everything else that could be a name ends in a domain of the sandbox.
    { weight: 1, arbitrary: targetText.map((text) => `${text}.test`) },
  );

const repository = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("scratch", "scratch/deep") },
  { weight: 12, arbitrary: fc.constant("kept") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "never",
      "a//b",
      "/",
      "..",
      "../kept",
      "%2e%2e",
      "Upper",
      "a_-b",
      "manifests",
      "blobs/uploads",
      "kept/manifests/latest",
      "x".repeat(300),
      "a/".repeat(100) + "a",
    ),
  },
  { weight: 1, arbitrary: targetText },
);

const reference = (known: Known) =>
  fc.oneof(
    digest(known),
    fc.constantFrom("latest", "v1", "new", "", ".", "..", "a".repeat(129)),
    targetText,
  );

const upload = ({ uploads }: Known) =>
  fc.oneof(
    fc.constantFrom(...uploads),
    fc.uuid(),
    fc.constantFrom("", ".", "..", "x".repeat(200), "%2e%2e%2f"),
    targetText,
  );

/** A path, and the methods that make sense there. */
interface Place {
  readonly path: string;
  readonly methods: readonly string[];
}

const READ = ["GET", "GET", "HEAD"];
const place = (path: string, ...methods: string[]): Place => ({
  path,
  methods: methods.length > 0 ? methods : READ,
});

const inRepository = (known: Known): fc.Arbitrary<Place> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: reference(known).map((text) =>
        place(`manifests/${text}`, ...READ, "PUT", "PUT", "PUT", "DELETE")
      ),
    },
    {
      weight: 4,
      arbitrary: digest(known).map((text) =>
        place(`blobs/${text}`, ...READ, "DELETE")
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom("blobs/uploads/", "blobs/uploads").map((
        text,
      ) => place(text, "POST")),
    },
    {
      weight: 4,
      arbitrary: upload(known).map((id) =>
        place(`blobs/uploads/${id}`, "GET", "PATCH", "PATCH", "PUT", "DELETE")
      ),
    },
    {
      weight: 2,
      arbitrary: digest(known).map((text) => place(`referrers/${text}`)),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "tags/list",
        "_oci/ext/discover",
        "",
        "manifests",
        "blobs",
        "tags",
      ).map((text) => place(text)),
    },
    { weight: 1, arbitrary: targetText.map((text) => place(text)) },
  );

const places = (known: Known): fc.Arbitrary<Place> =>
  fc.oneof(
    {
      weight: 22,
      arbitrary: fc.tuple(owner(known), repository, inRepository(known)).map((
        [first, second, { path, methods }],
      ) => place(`/v2/${first}/${second}/${path}`, ...methods)),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "/v2",
        "/v2/",
        "/v2/_catalog",
        "/v2/_oci/ext/discover",
        "/v2//",
        "/v2/v2/",
        "/V2/",
      ).map((text) => place(text)),
    },
    { weight: 5, arbitrary: fc.constant(place("/auth/token", "GET", "POST")) },
    { weight: 1, arbitrary: targetText.map((text) => place(`/${text}`)) },
    { weight: 1, arbitrary: targetText.map((text) => place(`/v2/${text}`)) },
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
