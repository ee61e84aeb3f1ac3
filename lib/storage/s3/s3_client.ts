/**
 * The connection of the S3 driver. The SDK is loaded with the first request, so
 * that a deployment with another driver pays nothing for it.
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

/** Access key; without one the SDK looks for credentials (environment, files, roles). */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where the bucket is and how it is spoken to. */
export interface S3Options {
  readonly bucket: string;
  /** `us-east-1` where the server has no regions. */
  readonly region: string;
  /** URL of the server; AWS itself without one. */
  readonly endpoint?: string;
  /** URL of the same server as clients reach it, for presigned URLs; `endpoint` without one. */
  readonly publicEndpoint?: string;
  /** Puts the bucket into the path, not the host name, as most servers with a port need. */
  readonly pathStyle?: boolean;
  readonly credentials?: S3Credentials;
  /** Host, with port if need be, of a CDN that fetches from the bucket; takes the place of the host in presigned GET URLs. */
  readonly cdnHost?: string;
  /** Host, with port if need be, that serves the objects to the public by their keys. */
  readonly publicHost?: string;
  /** Milliseconds in which the server takes no byte and sends none, after which a request is given up and tried again; 30,000 by default. */
  readonly idleTimeoutMs?: number;
  /** Tries of one request, 6 by default. */
  readonly attempts?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
const ATTEMPTS = 6;

interface Clients {
  readonly sdk: typeof import("@aws-sdk/client-s3");
  readonly presigner: typeof import("@aws-sdk/s3-request-presigner");
  /** Speaks to the server. */
  readonly s3: S3;
  /** Signs for the endpoint that clients use; sends nothing. */
  readonly signer: S3;
}

/** Sends one request; the options must be handed on. */
export type Request<T> = (s3: S3, options: Attempt) => Promise<T>;

/** What is known of a request besides its content. */
export interface RequestContext {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that an answer may take longer because there is much to do. */
  readonly allowanceMs?: number;
  /** Tries in all, when it has fewer than others. */
  readonly tries?: number;
  /** The upload it belongs to, for errors. */
  readonly upload?: Multipart;
}

/** Sends requests to one bucket and turns what fails into AppErrors. */
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
   * Sends what `work` sends, again and again where that helps. Throws the
   * reason of the signal when it is aborted, else what {@linkcode s3Error}
   * makes of a failure.
   */
  async send<T>(work: Request<T>, context: RequestContext = {}): Promise<T> {
    try {
      return await this.trySend(work, context);
    } catch (error) {
      if (context.signal?.aborted) throw context.signal.reason;
      throw s3Error(error, this.place, context.upload);
    }
  }

  /** As {@linkcode send}, but throws what the SDK throws. */
  async trySend<T>(work: Request<T>, context: RequestContext = {}): Promise<T> {
    const { s3 } = await this.#load();
    const { signal, allowanceMs = 0, tries = Infinity } = context;
    const patience = {
      tries: Math.min(tries, this.#options.attempts ?? ATTEMPTS),
      waitMs: this.idleTimeoutMs + allowanceMs,
      clock: this.#clock,
      signal,
    };
    return await withRetries(patience, (attempt) => work(s3, attempt));
  }

  /** URL that reads an object without our credentials; signs the host only. */
  async presignGet(
    input: GetObjectCommandInput,
    expiresInSeconds: number,
  ): Promise<string> {
    const { sdk, presigner, signer, s3 } = await this.#load();
    const command = new sdk.GetObjectCommand(input);
    const options = signing(s3, expiresInSeconds);
    return await presigner.getSignedUrl(signer, command, options);
  }

  /** URL that writes one part without our credentials; signs the host only. */
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
      // Tries and time limits are in s3_retry.ts.
      maxAttempts: 1,
      requestHandler,
      // Other servers than AWS refuse or even store the trailing checksums.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    });
  }
}

/** The client learns from answers how wrong our clock is; signatures must know. */
function signing(s3: S3, expiresIn: number) {
  const { systemClockOffset } = s3.config;
  return { expiresIn, signingDate: new Date(Date.now() + systemClockOffset) };
}

/** What answers of S3 tell of an object. */
interface Told {
  ETag?: string | undefined;
  LastModified?: Date | undefined;
  ContentType?: string | undefined;
  CacheControl?: string | undefined;
}

/** What is known of an object of `size` bytes, from an answer of S3. */
export function infoOf(told: Told, size = 0): ObjectInfo {
  return {
    size,
    etag: bareEtag(told.ETag ?? ""),
    modifiedAt: told.LastModified?.getTime() ?? 0,
    contentType: told.ContentType,
    cacheControl: told.CacheControl,
  };
}
