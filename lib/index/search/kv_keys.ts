/**
 * Keys of what search reads; all of it is derived.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key } from "../../kv/kv.ts";
import { INDEX_VERSION } from "../version.ts";

/** Key builders and prefixes. */
export const searchKeys = {
  /** A word of a repository; more popular ones first. The empty word stands for all. */
  word: (word: string, bucket: number, did: Did, repo: string): Key => [
    "index",
    INDEX_VERSION,
    "word",
    word,
    bucket,
    did,
    repo,
  ],
  words: (word: string): Key => ["index", INDEX_VERSION, "word", word],
  allWords: (): Key => ["index", INDEX_VERSION, "word"],
  /** Repositories of everybody by name. */
  name: (repo: string, did: Did): Key => [
    "index",
    INDEX_VERSION,
    "name",
    repo,
    did,
  ],
  names: (repo: string): Key => ["index", INDEX_VERSION, "name", repo],
  allNames: (): Key => ["index", INDEX_VERSION, "name"],
  /** How an owner is found and named. */
  owner: (did: Did): Key => ["index", INDEX_VERSION, "owner", did],
  /** The owner that last had a handle. */
  handle: (handle: string): Key => ["index", INDEX_VERSION, "handle", handle],
  /** A word that an owner is found by. */
  ownerWord: (word: string, did: Did): Key => [
    "index",
    INDEX_VERSION,
    "owner_word",
    word,
    did,
  ],
  ownerWords: (word: string): Key => [
    "index",
    INDEX_VERSION,
    "owner_word",
    word,
  ],
  everyOwnerWord: (): Key => ["index", INDEX_VERSION, "owner_word"],
} as const;
