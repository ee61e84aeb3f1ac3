/**
 * The client of the S3 driver. The SDK is loaded with the first request, so
 * that deployments with another driver do not load it.
 *
 * @module
 */

import type {
  GetObjectCommandInput,
  S3,
  UploadPartCommandInput,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../clock.ts";
import { bareEtag } from "../../etag.ts";
import type { Multipart, ObjectInfo } from "../blob_store.ts";
import { s3Error, type S3Place } from "./s3_errors.ts";
import type { ProgressHandler } from "./s3_handler.ts";
import { type Attempt, withRetries } from "./s3_retry.ts";

/** Access key; without one the SDK searches for credentials (environment, files, roles). */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Location of the bucket and client options. */
export interface S3Options {
  readonly bucket: string;
  /** `us-east-1` if the server has no regions. */
  readonly region: string;
  /** URL of the server; AWS if undefined. */
  readonly endpoint?: string;
  /** URL of the server for clients, in presigned URLs; `endpoint` if undefined. */
  readonly publicEndpoint?: string;
  /**
   * Puts the bucket into the path instead of the host name, as most servers
   * with a port require.
   */
  readonly pathStyle?: boolean;
  readonly credentials?: S3Credentials;
  /**
   * Host, with optional port, of a CDN that fetches from the bucket; replaces
   * the host in presigned GET URLs.
   */
  readonly cdnHost?: string;
  /** Host, with optional port, that serves the objects to the public by their keys. */
  readonly publicHost?: string;
  /**
   * Milliseconds without a byte in either direction after which a request is
   * aborted and retried once; 20,000 by default.
   */
  readonly idleTimeoutMs?: number;
  /** Attempts per request; 6 by default. */
  readonly attempts?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 20_000;
const ATTEMPTS = 6;

interface Clients {
  readonly sdk: typeof import("@aws-sdk/client-s3");
  readonly presigner: typeof import("@aws-sdk/s3-request-presigner");
  /** Sends requests to the server. */
  readonly s3: S3;
  /** Signs for the endpoint that clients use; sends nothing. */
  readonly signer: S3;
}

/** Sends one request; the options must be passed to the SDK. */
export type Request<T> = (s3: S3, options: Attempt) => Promise<T>;

/** Context of a request. */
export interface RequestContext {
  /** Aborts it. */
  readonly signal?: AbortSignal | undefined;
  /** Extra milliseconds allowed for an expensive request. */
  readonly allowanceMs?: number;
  /** Maximum attempts, when fewer than the default. */
  readonly tries?: number;
  /** The upload it belongs to, for error messages. */
  readonly upload?: Multipart;
}

/** Sends requests to one bucket and converts failures to AppErrors. */
export class S3Connection {
  readonly bucket: string;
  readonly place: S3Place;
  readonly idleTimeoutMs: number;
  readonly #options: S3Options;
  readonly #clock: Clock;
  #clients: Promise<Clients> | undefined;

  constructor(options: S3Options, clock: Clock) {
    const { endpoint, bucket, idleTimeoutMs = IDLE_TIMEOUT_MS } = options;
    const host = endpoint === undefined ? "AWS" : new URL(endpoint).host;
    this.bucket = bucket;
    this.place = { bucket, host };
    this.idleTimeoutMs = idleTimeoutMs;
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Runs `work` with retries. Throws the reason of the signal when it is
   * aborted, else the failure converted by {@linkcode s3Error}.
   */
  async send<T>(work: Request<T>, context: RequestContext = {}): Promise<T> {
    try {
      return await this.trySend(work, context);
    } catch (error) {
      if (context.signal?.aborted) throw context.signal.reason;
      throw s3Error(error, this.place, context.upload);
    }
  }

  /** Like {@linkcode send}, but throws the SDK's errors. */
  async trySend<T>(work: Request<T>, context: RequestContext = {}): Promise<T> {
    const { s3 } = await this.#load();
    const { signal, allowanceMs = 0, tries = Infinity } = context;
    const policy = {
      tries: Math.min(tries, this.#options.attempts ?? ATTEMPTS),
      waitMs: this.idleTimeoutMs + allowanceMs,
      clock: this.#clock,
      signal,
    };
    return await withRetries(policy, (attempt) => work(s3, attempt));
  }

  /** Presigned URL that reads an object; signs only the host. */
  async presignGet(
    input: GetObjectCommandInput,
    expiresInSeconds: number,
  ): Promise<string> {
    const { sdk, presigner, signer, s3 } = await this.#load();
    const command = new sdk.GetObjectCommand(input);
    const options = signing(s3, expiresInSeconds);
    return await presigner.getSignedUrl(signer, command, options);
  }

  /** Presigned URL that writes one part; signs only the host. */
  async presignPart(
    input: UploadPartCommandInput,
    expiresInSeconds: number,
  ): Promise<string> {
    const { sdk, presigner, signer, s3 } = await this.#load();
    const command = new sdk.UploadPartCommand(input);
    const options = signing(s3, expiresInSeconds);
    return await presigner.getSignedUrl(signer, command, options);
  }

  /** Closes idle connections. */
  async close(): Promise<void> {
    const clients = await this.#clients;
    clients?.s3.destroy();
  }

  #load(): Promise<Clients> {
    return this.#clients ??= (async () => {
      const [sdk, presigner, { ProgressHandler }] = await Promise.all([
        import("@aws-sdk/client-s3"),
        import("@aws-sdk/s3-request-presigner"),
        import("./s3_handler.ts"),
      ]);
      const { endpoint, publicEndpoint = endpoint } = this.#options;
      const requestHandler = new ProgressHandler({
        connectionTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: 0,
      });
      const s3 = this.#client(sdk, requestHandler, endpoint);
      const signer = publicEndpoint === endpoint
        ? s3
        : this.#client(sdk, requestHandler, publicEndpoint);
      return { sdk, presigner, s3, signer };
    })();
  }

  #client(
    sdk: typeof import("@aws-sdk/client-s3"),
    requestHandler: ProgressHandler,
    endpoint: string | undefined,
  ): S3 {
    const { region, pathStyle = false, credentials } = this.#options;
    return new sdk.S3({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      // Retries and timeouts are in s3_retry.ts.
      maxAttempts: 1,
      requestHandler,
      // Servers other than AWS reject or even store the trailing checksums.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }
}

/** The client learns the clock skew from responses; the signer must use it too. */
function signing(s3: S3, expiresIn: number) {
  const { systemClockOffset } = s3.config;
  return { expiresIn, signingDate: new Date(Date.now() + systemClockOffset) };
}

/** Object metadata in S3 responses. */
interface ObjectFields {
  ETag?: string | undefined;
  LastModified?: Date | undefined;
  ContentType?: string | undefined;
  CacheControl?: string | undefined;
}

/** Metadata of an object of `size` bytes, from an S3 response. */
export function infoOf(fields: ObjectFields, size = 0): ObjectInfo {
  return {
    size,
    etag: bareEtag(fields.ETag ?? ""),
    modifiedAt: fields.LastModified?.getTime() ?? 0,
    contentType: fields.ContentType,
    cacheControl: fields.CacheControl,
  };
}
