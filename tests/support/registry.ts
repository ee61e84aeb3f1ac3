/**
 * A client of the distribution API for tests: it sends the given request and
 * checks nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { z } from "zod";
import {
  type Blob,
  type Descriptor,
  EMPTY_JSON,
  imageManifest,
  type Manifest,
  randomBlob,
} from "./oci.ts";
import { type TestAccount, type TestServer, tokenFor } from "./server.ts";

/** A response whose body was read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What to send; `token` goes out as Bearer. */
export interface Call {
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string;
  token?: string | undefined;
}

/** Timeout of a response. */
const LIMIT_MS = 60_000;

const errorBody = z.strictObject({
  errors: z.array(z.strictObject({
    code: z.string(),
    message: z.string(),
    detail: z.unknown().optional(),
  })).length(1),
});
const tagList = z.strictObject({ name: z.string(), tags: z.array(z.string()) });
const referrerList = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal("application/vnd.oci.image.index.v1+json"),
  manifests: z.array(z.custom<Descriptor>()),
});

/** Sends one request and reads the whole response; redirects are not followed. */
export async function call(
  url: URL | string,
  method: string,
  { headers = {}, body, token }: Call = {},
): Promise<Answer> {
  const all = new Headers(headers);
  if (token !== undefined) all.set("authorization", `Bearer ${token}`);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error("no answer")), LIMIT_MS);
  try {
    const response = await fetch(url, {
      method,
      headers: all,
      redirect: "manual",
      signal: stop.signal,
      ...(body === undefined ? {} : { body }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes };
  } finally {
    clearTimeout(timer);
  }
}

/** The body as text. */
export function textOf(answer: Answer): string {
  return new TextDecoder().decode(answer.bytes);
}

/** The body as JSON. */
export function jsonOf(answer: Answer): unknown {
  return JSON.parse(textOf(answer));
}

/** Asserts the status and returns the response; fails with the body otherwise. */
export function expect(answer: Answer, status: number): Answer {
  assert.equal(answer.status, status, textOf(answer));
  return answer;
}

/** Code and message of an OCI error with this status. */
export function expectError(
  answer: Answer,
  status: number,
  code: string,
): { message: string; detail?: unknown } {
  expect(answer, status);
  assert.equal(answer.headers.get("content-type"), "application/json");
  const [error] = errorBody.parse(jsonOf(answer)).errors;
  assert.ok(error);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, /^\S+ \S+ \S+/, "no sentence");
  return error;
}

/** The header, which must be there. */
export function header(answer: Answer, name: string): string {
  const value = answer.headers.get(name);
  assert.ok(value !== null, `the answer has no header ${name}`);
  return value;
}

/** One repository, accessed by one account. */
export class Repository {
  readonly server: Pick<TestServer, "origin">;
  readonly account: TestAccount | undefined;
  /** `<owner>/<repository>`. */
  readonly name: string;
  #token: string | undefined;

  constructor(
    server: Pick<TestServer, "origin">,
    account: TestAccount | undefined,
    name: string,
  ) {
    this.server = server;
    this.account = account;
    this.name = name;
  }

  /** The token that requests are sent with; for everything that the account may do. */
  async token(): Promise<string> {
    return this.#token ??= await tokenFor(
      this.server,
      this.account,
      `repository:${this.name}:pull,push,delete`,
    );
  }

  /** Sends a request; `path` follows `/v2/<name>/`, or is a Location. */
  async send(
    method: string,
    path: string,
    options: Call = {},
  ): Promise<Answer> {
    const base = new URL(`/v2/${this.name}/`, this.server.origin);
    const token = "token" in options ? options.token : await this.token();
    return await call(new URL(path, base), method, { ...options, token });
  }

  /** Opens an upload and returns its Location. */
  async startUpload(query = ""): Promise<string> {
    const answer = await this.send("POST", `blobs/uploads/${query}`);
    return header(expect(answer, 202), "location");
  }

  /** Closes an upload, with the last bytes if any. */
  finishUpload(
    location: string,
    digest: string,
    options: Call = {},
  ): Promise<Answer> {
    const mark = location.includes("?") ? "&" : "?";
    return this.send("PUT", `${location}${mark}digest=${digest}`, options);
  }

  /** Pushes a blob like docker. */
  async pushBlob(blob: Blob): Promise<void> {
    const location = await this.startUpload();
    expect(await this.send("PATCH", location, { body: blob.bytes }), 202);
    expect(await this.finishUpload(location, blob.digest), 201);
  }

  /** Pushes a manifest under a tag or digest, its own digest by default. */
  putManifest(
    manifest: Manifest,
    reference: string = manifest.digest,
    query = "",
  ): Promise<Answer> {
    return this.send("PUT", `manifests/${reference}${query}`, {
      headers: { "content-type": manifest.mediaType },
      body: manifest.bytes,
    });
  }

  /** Pushes a small image under a tag, its own digest by default. */
  async pushImage(
    reference?: string,
    extra: Record<string, unknown> = {},
  ): Promise<Manifest> {
    const config = randomBlob(200);
    const layer = randomBlob(3_000);
    await Promise.all([this.pushBlob(config), this.pushBlob(layer)]);
    const image = imageManifest(config, [layer], extra);
    expect(await this.putManifest(image, reference), 201);
    return image;
  }

  /** Pushes the blob that artifacts have for config and layer. */
  pushEmptyJson(): Promise<void> {
    return this.pushBlob(EMPTY_JSON);
  }

  /** All tags of the first page. */
  async tags(): Promise<string[]> {
    const answer = await this.send("GET", "tags/list");
    return tagList.parse(jsonOf(expect(answer, 200))).tags;
  }

  /** The first page of referrers. */
  async referrers(digest: string, query = ""): Promise<Descriptor[]> {
    const answer = await this.send("GET", `referrers/${digest}${query}`);
    return referrerList.parse(jsonOf(expect(answer, 200))).manifests;
  }
}

/** Repositories of an account of a server that starts later, by their names without the owner. */
export function repositoriesOf(
  server: () => TestServer,
  owner: "alice" | "bob",
): (name: string) => Repository {
  return (name) => {
    const account = server()[owner];
    return new Repository(server(), account, `${account.handle}/${name}`);
  };
}
