/**
 * Paths of the registry with something wrong in every part of them.
 *
 * @module
 */

import fc from "fast-check";
import type { Content } from "./manifests.ts";

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
export const targetText = fc.string({
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

/** Digests that are known, unknown or none. */
export const digest = (known: Known) =>
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

/** Owners that are there, are not, or cannot be. */
export const owner = ({ ownerDid }: Known) =>
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

/** Names of repositories, and what is none. */
export const repository = fc.oneof(
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
export interface Place {
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

/** Paths of all endpoints and of none. */
export const places = (known: Known): fc.Arbitrary<Place> =>
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
