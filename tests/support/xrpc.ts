/**
 * Calls to the methods of a hold for tests: they send the given request and
 * check nothing.
 *
 * @module
 */

/** Response of a method. */
export interface XrpcAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The body as JSON; undefined when it is none. */
  readonly body: unknown;
}

/** Parameters of a method; a list is sent as a repeated one. */
export type XrpcParams = Readonly<
  Record<string, string | number | boolean | readonly string[]>
>;

/** Options of a request. */
export interface XrpcRequest {
  readonly params?: XrpcParams;
  /** JSON, or bytes as they are. */
  readonly input?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as Bearer. */
  readonly token?: string | undefined;
  /** GET by default, POST with an input. */
  readonly method?: string;
}

/** Sends one request to the hold at `origin`; redirects are not followed. */
export async function xrpc(
  origin: string,
  nsid: string,
  request: XrpcRequest = {},
): Promise<XrpcAnswer> {
  const { params = {}, input, token } = request;
  const url = new URL(`/xrpc/${nsid}`, origin);
  for (const [name, value] of Object.entries(params)) {
    for (const item of [value].flat()) {
      url.searchParams.append(name, String(item));
    }
  }
  const headers = new Headers(request.headers);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const isBytes = input instanceof Uint8Array;
  if (input !== undefined && !isBytes && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const response = await fetch(url, {
    method: request.method ?? (input === undefined ? "GET" : "POST"),
    headers,
    redirect: "manual",
    ...(input === undefined
      ? {}
      : { body: isBytes ? new Uint8Array(input) : JSON.stringify(input) }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: jsonOf(bytes),
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // CARs and blobs are none.
  }
}
