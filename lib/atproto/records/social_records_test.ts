import assert from "node:assert/strict";
import fc from "fast-check";
import { validateRecord } from "../lexicon/lexicon.ts";
import { readPage, readStar, writePage, writeStar } from "./social_records.ts";

const owner = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const now = Date.UTC(2026, 7, 4);

Deno.test("a star is valid and comes back as it was given, nested names too", () => {
  const record = writeStar({ owner, repository: "team/app", now });
  assert.deepEqual(validateRecord("io.atcr.sailor.star", record), {
    valid: true,
  });
  assert.deepEqual(readStar(record), {
    owner,
    repository: "team/app",
    createdAt: now,
  });
});

Deno.test("a star of early 2026 has an object as subject", () => {
  const subject = { did: owner, repository: "team/app" };
  assert.deepEqual(readStar({ subject, createdAt: "2026-02-13T00:00:00Z" }), {
    owner,
    repository: "team/app",
    createdAt: Date.UTC(2026, 1, 13),
  });
});

Deno.test("what points elsewhere is no star", () => {
  for (
    const subject of [
      `at://${owner}/io.atcr.tag/app`,
      `at://${owner}/io.atcr.repo.page`,
      `at://alice.example.com/io.atcr.repo.page/app`,
      "https://example.com",
      { did: "alice", repository: "app" },
      { did: owner },
      7,
    ]
  ) assert.equal(readStar({ subject }), undefined, JSON.stringify(subject));
});

Deno.test("a page is valid and comes back as it was given", () => {
  const record = writePage({
    repository: "team/app",
    description: "# App",
    userEdited: true,
    createdAt: now - 1000,
    now,
  });
  assert.deepEqual(validateRecord("io.atcr.repo.page", record), {
    valid: true,
  });
  assert.deepEqual(readPage(record), {
    repository: "team/app",
    description: "# App",
    avatar: undefined,
    userEdited: true,
    createdAt: now - 1000,
  });
});

Deno.test("a page with a broken part keeps its other parts", () => {
  const page = readPage({
    repository: "app",
    avatar: "x",
    description: 7,
    userEdited: "no",
  });
  assert.equal(page?.repository, "app");
  assert.equal(page?.avatar, undefined);
  assert.equal(page?.userEdited, false);
});

Deno.test("no record, however strange, makes a reader throw", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string(), (value, text) => {
    readStar(value);
    readStar({ subject: value });
    readStar({ subject: `at://${text}` });
    readPage(value);
  }));
});
