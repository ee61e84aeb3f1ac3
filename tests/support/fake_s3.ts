/**
 * An S3 server in memory that knows single objects only, for tests of what the
 * program does around a bucket. Signatures are not verified: a request with one
 * may do everything, one without may read while the bucket is public.
 *
 * @module
 */

interface StoredObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Buckets come into being when they are used. */
export class FakeS3 implements AsyncDisposable {
  /** By path: bucket and key. */
  readonly objects = new Map<string, StoredObject>();
  /** Whether everyone may read. */
  isPublic: boolean;
  /** Whether nothing is answered but 503. */
  isAway = false;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(options: { isPublic: boolean }) {
    this.isPublic = options.isPublic;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => this.#answer(request),
    );
  }

  /** URL of the server. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Keys in `bucket`, in order. */
  keys(bucket: string): string[] {
    const prefix = `/${bucket}/`;
    return [...this.objects.keys()].filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length)).toSorted();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const path = decodeURIComponent(pathname);
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (this.isAway) return new Response(null, { status: 503 });
    const isSigned = request.headers.has("authorization");
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isSigned && !(this.isPublic && isRead)) {
      return failure(403, "AccessDenied");
    }
    if (searchParams.has("list-type")) return emptyList();
    switch (request.method) {
      case "PUT":
        this.objects.set(path, { bytes, headers: kept(request.headers) });
        return new Response(null, { headers: { etag: etagOf(bytes) } });
      case "DELETE":
        this.objects.delete(path);
        return new Response(null, { status: 204 });
      default:
        return this.#read(path, request.method);
    }
  }

  #read(path: string, method: string): Response {
    const object = this.objects.get(path);
    if (object === undefined) {
      return method === "HEAD"
        ? new Response(null, { status: 404 })
        : failure(404, "NoSuchKey");
    }
    const { bytes, headers } = object;
    const shown = {
      ...headers,
      "etag": etagOf(bytes),
      "content-length": String(bytes.length),
      "last-modified": new Date(0).toUTCString(),
    };
    return new Response(method === "HEAD" ? null : bytes, { headers: shown });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function kept(headers: Headers): Record<string, string> {
  const names = ["content-type", "cache-control"];
  return Object.fromEntries(
    names.map((name) => [name, headers.get(name) ?? ""]),
  );
}

function etagOf(bytes: Uint8Array): string {
  let sum = bytes.length;
  for (const byte of bytes) sum = (sum * 31 + byte) >>> 0;
  return `"${sum.toString(16)}-${bytes.length}"`;
}

function failure(status: number, code: string): Response {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
  return new Response(body, {
    status,
    headers: { "content-type": "application/xml" },
  });
}

function emptyList(): Response {
  const body =
    '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
  return new Response(body, { headers: { "content-type": "application/xml" } });
}
