/**
 * The owners' PDS for other clients: reads and writes records and blobs like
 * another implementation.
 *
 * @module
 */

import { z } from "zod";
import type { TestAccount } from "./server.ts";

const record = z.object({
  uri: z.string(),
  cid: z.string(),
  value: z.record(z.string(), z.unknown()),
});
const list = z.object({ records: z.array(record) });
const session = z.object({ accessJwt: z.string() });
const uploaded = z.object({ blob: z.record(z.string(), z.unknown()) });

/** A record with its address. */
export type PdsRecord = z.infer<typeof record>;

/** Reads and writes one account's repo. */
export class PdsAccount {
  readonly #pds: string;
  readonly #account: TestAccount;
  #token: string | undefined;

  constructor(pds: string, account: TestAccount) {
    this.#pds = pds;
    this.#account = account;
  }

  /** One record; undefined when there is none. */
  async record(
    collection: string,
    rkey: string,
  ): Promise<PdsRecord | undefined> {
    const response = await this.#get("com.atproto.repo.getRecord", {
      repo: this.#account.did,
      collection,
      rkey,
    });
    const body = await response.json();
    return response.ok ? record.parse(body) : undefined;
  }

  /** The first 100 records of a collection. */
  async records(collection: string): Promise<PdsRecord[]> {
    const response = await this.#get("com.atproto.repo.listRecords", {
      repo: this.#account.did,
      collection,
      limit: "100",
    });
    return list.parse(await response.json()).records;
  }

  /** The bytes of a blob. */
  async blob(cid: string): Promise<Uint8Array> {
    const response = await this.#get("com.atproto.sync.getBlob", {
      did: this.#account.did,
      cid,
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.ok) return bytes;
    throw new Error(new TextDecoder().decode(bytes));
  }

  /** Stores a blob and returns the reference to put into a record. */
  async uploadBlob(
    bytes: Uint8Array<ArrayBuffer>,
    mimeType: string,
  ): Promise<Record<string, unknown>> {
    const body = await this.#post(
      "com.atproto.repo.uploadBlob",
      bytes,
      mimeType,
    );
    return uploaded.parse(body).blob;
  }

  /** Writes a record without validation. */
  async put(
    collection: string,
    rkey: string,
    value: Record<string, unknown>,
  ): Promise<void> {
    await this.#post("com.atproto.repo.putRecord", {
      repo: this.#account.did,
      collection,
      rkey,
      validate: false,
      record: { $type: collection, ...value },
    });
  }

  /** Removes a record. */
  async delete(collection: string, rkey: string): Promise<void> {
    await this.#post("com.atproto.repo.deleteRecord", {
      repo: this.#account.did,
      collection,
      rkey,
    });
  }

  #get(method: string, params: Record<string, string>): Promise<Response> {
    return fetch(
      `${this.#pds}/xrpc/${method}?${new URLSearchParams(params)}`,
    );
  }

  async #post(
    method: string,
    body: Record<string, unknown> | Uint8Array<ArrayBuffer>,
    type = "application/json",
  ): Promise<unknown> {
    const response = await fetch(`${this.#pds}/xrpc/${method}`, {
      method: "POST",
      headers: {
        "content-type": type,
        authorization: `Bearer ${await this.#session()}`,
      },
      body: body instanceof Uint8Array ? body : JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Error(`${method} failed: ${JSON.stringify(answer)}`);
  }

  async #session(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const { handle, appPassword } = this.#account;
    const method = "com.atproto.server.createSession";
    const response = await fetch(`${this.#pds}/xrpc/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ identifier: handle, password: appPassword }),
    });
    return this.#token = session.parse(await response.json()).accessJwt;
  }
}

/**
 * Calls a procedure of the PDS with the rights of the account's own password,
 * which may switch the account off or change its handle.
 */
export async function asOwner(
  pds: string,
  { did, password }: { did: string; password: string },
  nsid: string,
  body?: Record<string, unknown>,
): Promise<void> {
  const post = async (nsid: string, body: unknown, token?: string) => {
    const response = await fetch(`${pds}/xrpc/${nsid}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${nsid} failed: ${text}`);
    return text;
  };
  const opened = await post("com.atproto.server.createSession", {
    identifier: did,
    password,
  });
  await post(nsid, body, session.parse(JSON.parse(opened)).accessJwt);
}
