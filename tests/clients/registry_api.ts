/**
 * A small client of the distribution API, to see what the other clients have
 * left in a registry, and to put content there byte for byte.
 *
 * @module
 */

import { z } from "zod";
import type { Account } from "../tools/product.ts";
import { blobPath, type Descriptor } from "./layout.ts";

const LIMIT_MS = 60_000;
const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const descriptors = z.object({
  manifests: z.array(z.object({
    digest: z.string(),
    mediaType: z.string(),
    size: z.int(),
    artifactType: z.string().optional(),
  })),
});
const tagList = z.object({ tags: z.array(z.string()).nullable() });
const tokenAnswer = z.object({ token: z.string() });
const references = z.object({
  config: z.object({ digest: z.string() }).optional(),
  layers: z.array(z.object({ digest: z.string() })).optional(),
  manifests: z.array(
    z.object({ digest: z.string(), mediaType: z.string(), size: z.int() }),
  ).optional(),
});

/** One registry, reached over plain HTTP, with login when it asks for it. */
export class RegistryApi {
  readonly host: string;
  readonly #account: Account | undefined;
  readonly #tokens = new Map<string, string>();

  constructor(host: string, account?: Account) {
    this.host = host;
    this.#account = account;
  }

  /** Digest of the manifest behind a tag or digest; `undefined` for none. */
  async digest(repo: string, ref: string): Promise<string | undefined> {
    const answer = await this.request(repo, "HEAD", `manifests/${ref}`, {
      accept: MANIFEST_TYPES,
    });
    if (answer.status === 404) return undefined;
    expectStatus(answer, 200, `HEAD of ${repo}:${ref}`);
    return answer.headers.get("docker-content-digest") ?? undefined;
  }

  /** Bytes of a manifest. */
  async manifest(repo: string, ref: string): Promise<Uint8Array> {
    const answer = await this.request(repo, "GET", `manifests/${ref}`, {
      accept: MANIFEST_TYPES,
    });
    expectStatus(answer, 200, `GET of ${repo}:${ref}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** The first page of a repository's tags. */
  async tags(repo: string): Promise<string[]> {
    const answer = await this.request(repo, "GET", "tags/list");
    if (answer.status === 404) {
      await answer.body?.cancel();
      return [];
    }
    expectStatus(answer, 200, `tags of ${repo}`);
    return tagList.parse(await answer.json()).tags ?? [];
  }

  /** Digests of the manifests that refer to `subject`, sorted. */
  async referrers(repo: string, subject: string): Promise<string[]> {
    const answer = await this.request(repo, "GET", `referrers/${subject}`);
    expectStatus(answer, 200, `referrers of ${subject}`);
    const { manifests } = descriptors.parse(await answer.json());
    return manifests.map(({ digest }) => digest).sort();
  }

  /** Digests of the manifests in an index, sorted. */
  async children(repo: string, ref: string): Promise<string[]> {
    const text = new TextDecoder().decode(await this.manifest(repo, ref));
    const { manifests } = descriptors.parse(JSON.parse(text));
    return manifests.map(({ digest }) => digest).sort();
  }

  /** Pushes a manifest of a layout with all it names, children first. */
  async pushLayout(
    folder: string,
    repo: string,
    top: Descriptor,
    ref: string,
  ): Promise<void> {
    const bytes = await Deno.readFile(blobPath(folder, top.digest));
    const parts = references.parse(JSON.parse(new TextDecoder().decode(bytes)));
    for (const child of parts.manifests ?? []) {
      await this.pushLayout(folder, repo, child, child.digest);
    }
    const blobs = [...(parts.layers ?? [])];
    if (parts.config) blobs.push(parts.config);
    for (const { digest } of blobs) {
      const content = await Deno.readFile(blobPath(folder, digest));
      await this.#pushBlob(repo, digest, content);
    }
    const answer = await this.request(repo, "PUT", `manifests/${ref}`, {
      "content-type": top.mediaType,
    }, bytes);
    await answer.body?.cancel();
    expectStatus(answer, 201, `PUT of ${repo}:${ref}`);
  }

  async #pushBlob(
    repo: string,
    digest: string,
    content: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const opened = await this.request(repo, "POST", "blobs/uploads/");
    await opened.body?.cancel();
    expectStatus(opened, 202, `upload to ${repo}`);
    const target = new URL(
      opened.headers.get("location") ?? "",
      `http://${this.host}`,
    );
    target.searchParams.set("digest", digest);
    const answer = await this.#send(repo, target, "PUT", {
      "content-type": "application/octet-stream",
    }, content);
    await answer.body?.cancel();
    expectStatus(answer, 201, `PUT of blob ${digest}`);
  }

  /** Sends a request about a repository; the path follows its name. */
  request(
    repo: string,
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response> {
    const url = new URL(`http://${this.host}/v2/${repo}/${path}`);
    return this.#send(repo, url, method, headers ?? {}, body);
  }

  async #send(
    repo: string,
    url: URL,
    method: string,
    headers: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response> {
    const once = () => {
      const token = this.#tokens.get(repo);
      return fetch(url, {
        method,
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(LIMIT_MS),
      });
    };
    const first = await once();
    if (first.status !== 401 || this.#account === undefined) return first;
    await first.body?.cancel();
    const challenge = first.headers.get("www-authenticate") ?? "";
    this.#tokens.set(repo, await token(challenge, repo, this.#account));
    return await once();
  }
}

/** A token for everything in one repository. */
export async function token(
  challenge: string,
  repo: string,
  { handle, appPassword }: Account,
): Promise<string> {
  const field = (name: string) =>
    new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? "";
  const url = new URL(field("realm"));
  url.searchParams.set("service", field("service"));
  url.searchParams.set("scope", `repository:${repo}:pull,push,delete`);
  const answer = await fetch(url, {
    headers: { authorization: `Basic ${btoa(`${handle}:${appPassword}`)}` },
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  expectStatus(answer, 200, `token for ${repo}`);
  return tokenAnswer.parse(await answer.json()).token;
}

function expectStatus(answer: Response, status: number, what: string): void {
  if (answer.status !== status) {
    throw new Error(`${what}: status ${answer.status}, expected ${status}`);
  }
}
