/**
 * A PDS that speaks a dialect: sessions, records and blobs of accounts in
 * memory, as far as a registry uses them. It signs nothing.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import { cidOfBlock, cidOfRaw } from "../../lib/repo/cid.ts";
import type { Dialect, Refusal } from "./dialects.ts";

/** A record of an account. */
export interface MadeRecord {
  readonly cid: string;
  readonly value: unknown;
}

/** An account and its repo. */
export interface MadeAccount {
  readonly did: string;
  readonly password: string;
  /** By `<collection>/<rkey>`. */
  readonly records: Map<string, MadeRecord>;
  readonly blobs: Map<string, { bytes: Uint8Array; mimeType: string }>;
}

const loginInput = z.object({ identifier: z.string(), password: z.string() });
const recordInput = z.object({
  repo: z.string(),
  collection: z.string(),
  rkey: z.string(),
  record: z.unknown().optional(),
});
const writesInput = z.object({
  writes: z.array(z.object({
    $type: z.string(),
    collection: z.string(),
    rkey: z.string(),
    value: z.unknown().optional(),
  })),
});

/** How long access tokens live, in seconds. */
const ACCESS_S = 7_200;

/** A running PDS. */
export class MadePds implements AsyncDisposable {
  readonly accounts = new Map<string, MadeAccount>();
  /** Names of the methods that were called. */
  readonly calls: string[] = [];
  /** How responses to writes that were applied get lost; undefined if they do not. */
  loses: "status" | "connection" | undefined;
  readonly #dialect: Dialect;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #access = new Map<string, string>();
  readonly #refresh = new Map<string, string>();
  #writes = 0;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  get origin(): string {
    return `http://localhost:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  /** Invalidates all access tokens: those who have one must refresh it. */
  forgetAccess(): void {
    this.#access.clear();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const nsid = url.pathname.replace("/xrpc/", "");
    this.calls.push(nsid);
    const query = (name: string) => url.searchParams.get(name) ?? "";
    switch (nsid) {
      case "com.atproto.server.createSession":
        return await this.#login(request);
      case "com.atproto.server.refreshSession":
        return this.#refreshed(tokenOf(request));
      case "com.atproto.server.deleteSession":
        return new Response();
      case "com.atproto.repo.getRecord":
        return this.#getRecord(
          query("repo"),
          `${query("collection")}/${query("rkey")}`,
        );
      case "com.atproto.repo.listRecords":
        return this.#list(query("repo"), query("collection"), url);
      case "com.atproto.repo.describeRepo":
        return this.#describe(query("repo"));
      case "com.atproto.sync.getRepoStatus":
        return this.#status(query("did"));
      case "com.atproto.sync.getBlob":
        return this.#getBlob(query("did"), query("cid"));
    }
    const did = this.#access.get(tokenOf(request));
    const account = this.accounts.get(did ?? "");
    if (!account) return refuse(this.#dialect.staleToken);
    if (nsid === "com.atproto.repo.uploadBlob") {
      return await upload(account, request);
    }
    const answer = await this.#write(account, nsid, await request.text());
    if (!answer.ok || this.loses === undefined) return answer;
    const how = this.loses;
    this.loses = undefined;
    if (how === "status") return new Response(null, { status: 502 });
    const broken = new ReadableStream({
      start: (controller) => controller.error(new Error("broken")),
    });
    return new Response(broken, { headers: { "content-length": "2" } });
  }

  async #login(request: Request): Promise<Response> {
    const { identifier, password } = loginInput.parse(await request.json());
    const account = this.accounts.get(identifier);
    const { wrongPassword, accounts, inactiveLogin } = this.#dialect;
    if (account?.password !== password) return refuse(wrongPassword);
    if (accounts !== "active" && inactiveLogin) return refuse(inactiveLogin);
    return this.#session(identifier);
  }

  #refreshed(token: string): Response {
    const did = this.#refresh.get(token);
    if (did === undefined || !this.accounts.has(did)) {
      return refuse({ status: 400, error: "ExpiredToken" });
    }
    this.#refresh.delete(token);
    return this.#session(did);
  }

  #session(did: string): Response {
    const { accounts } = this.#dialect;
    const exp = Math.floor(Date.now() / 1000) + ACCESS_S;
    const jti = crypto.randomUUID();
    const accessJwt = jwt({ scope: "com.atproto.appPass", sub: did, exp, jti });
    const refreshJwt = jwt({ scope: "com.atproto.refresh", sub: did, jti });
    this.#access.set(accessJwt, did);
    this.#refresh.set(refreshJwt, did);
    const isActive = accounts === "active";
    return Response.json({
      ...{ did, handle: "handle.invalid", accessJwt, refreshJwt },
      ...(isActive ? { active: true } : { active: false, status: accounts }),
      ...(isActive ? this.#absent("status") : {}),
    });
  }

  /** A member that has no value. */
  #absent(name: string): Record<string, unknown> {
    const { absent } = this.#dialect;
    return absent === undefined ? {} : { [name]: absent };
  }

  #getRecord(did: string, key: string): Response {
    const record = this.#visible(did)?.records.get(key);
    if (record) return Response.json({ uri: `at://${did}/${key}`, ...record });
    return refuse({ status: 400, error: "RecordNotFound" });
  }

  #list(did: string, collection: string, url: URL): Response {
    const account = this.#visible(did);
    if (!account) return refuse({ status: 400, error: "RepoNotFound" });
    const limit = Number(url.searchParams.get("limit") ?? 50);
    const cursor = url.searchParams.get("cursor");
    const all = [...account.records].filter(([key]) =>
      key.startsWith(`${collection}/`)
    ).sort(([a], [b]) => a < b ? 1 : -1);
    const from = cursor === null
      ? 0
      : all.findIndex(([key]) => key < `${collection}/${cursor}`);
    const page = from < 0 ? [] : all.slice(from, from + limit);
    const last = page.at(-1)?.[0].split("/")[1];
    const isEnd = last === undefined || from + limit >= all.length;
    return Response.json({
      records: page.map(([key, record]) => ({
        uri: `at://${did}/${key}`,
        ...record,
      })),
      ...(isEnd ? this.#absent("cursor") : { cursor: last }),
    });
  }

  #describe(did: string): Response {
    const account = this.#visible(did);
    if (!account) return refuse({ status: 400, error: "RepoNotFound" });
    const names = [...account.records.keys()].map((key) => key.split("/")[0]);
    return Response.json({ did, collections: [...new Set(names)] });
  }

  #status(did: string): Response {
    const { accounts } = this.#dialect;
    if (!this.accounts.has(did)) {
      return refuse({ status: 400, error: "RepoNotFound" });
    }
    const active = accounts === "active";
    return Response.json({
      did,
      active,
      ...(active ? this.#absent("status") : { status: accounts }),
    });
  }

  #getBlob(did: string, cid: string): Response {
    const blob = this.#visible(did)?.blobs.get(cid);
    if (!blob) return refuse({ status: 400, error: "BlobNotFound" });
    return new Response(new Uint8Array(blob.bytes), {
      headers: { "content-type": blob.mimeType },
    });
  }

  #visible(did: string): MadeAccount | undefined {
    const isActive = this.#dialect.accounts === "active";
    return isActive ? this.accounts.get(did) : undefined;
  }

  async #write(
    { records, did }: MadeAccount,
    nsid: string,
    text: string,
  ): Promise<Response> {
    const { jsonLimit, isOverloaded, conflict, missingOnDelete } =
      this.#dialect;
    if (text.length > jsonLimit) {
      return refuse({ status: 413, error: "PayloadTooLarge" });
    }
    if (isOverloaded && this.#writes++ % 2 === 0) {
      const headers = { "retry-after": "1" };
      return refuse({ status: 429, error: "RateLimitExceeded", headers });
    }
    const input: unknown = JSON.parse(text);
    if (nsid === "com.atproto.repo.applyWrites") {
      const { writes } = writesInput.parse(input);
      const clash = writes.find(({ $type, collection, rkey }) =>
        records.has(`${collection}/${rkey}`) === $type.endsWith("#create")
      );
      if (clash) return refuse(conflict);
      for (const { $type, collection, rkey, value } of writes) {
        const key = `${collection}/${rkey}`;
        if ($type.endsWith("#delete")) records.delete(key);
        else records.set(key, recordOf(value));
      }
      return Response.json({});
    }
    const { collection, rkey, record } = recordInput.parse(input);
    const key = `${collection}/${rkey}`;
    if (nsid === "com.atproto.repo.deleteRecord") {
      const isThere = records.delete(key);
      if (!isThere && missingOnDelete) return refuse(missingOnDelete);
      return Response.json({});
    }
    if (nsid !== "com.atproto.repo.putRecord") {
      return refuse({ status: 501, error: "MethodNotImplemented" });
    }
    const made = recordOf(record);
    records.set(key, made);
    return await Promise.resolve(
      Response.json({ uri: `at://${did}/${key}`, cid: made.cid }),
    );
  }
}

async function upload(
  { blobs }: MadeAccount,
  request: Request,
): Promise<Response> {
  const bytes = await request.bytes();
  const mimeType = request.headers.get("content-type") ?? "";
  const cid = cidOfRaw(createHash("sha256").update(bytes).digest());
  blobs.set(cid, { bytes, mimeType });
  const ref = { $link: cid };
  const blob = { $type: "blob", ref, mimeType, size: bytes.length };
  return Response.json({ blob });
}

function recordOf(value: unknown): MadeRecord {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { cid: cidOfBlock(bytes), value };
}

function refuse({ status, error, message, headers = {} }: Refusal): Response {
  const body = {
    ...(error === undefined ? {} : { error }),
    ...(message === undefined ? {} : { message }),
  };
  return Response.json(body, { status, headers });
}

function tokenOf(request: Request): string {
  return request.headers.get("authorization")?.split(" ")[1] ?? "";
}

function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part({ alg: "HS256", typ: "at+jwt" })}.${part(claims)}.c2ln`;
}
