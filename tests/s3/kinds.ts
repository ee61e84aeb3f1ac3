/**
 * Interfaces of the runner of the S3 tests.
 *
 * @module
 */

/** A running server. */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Ends its processes and removes its files. */
  stop(): Promise<void>;
}

/** A way to get an {@linkcode S3Server}. */
export interface S3Kind {
  readonly name: string;
  /** Installs what is missing; returns why it cannot run here. */
  missing(): Promise<string | undefined>;
  start(): Promise<S3Server>;
}
