/**
 * URLs of S3 objects for clients.
 *
 * @module
 */

import type { S3Options } from "./s3_client.ts";

/** `url` with another host and port; its path and signature stay. */
export function withHost(url: string, host: string | undefined): string {
  if (host === undefined) return url;
  const changed = new URL(url);
  changed.port = "";
  changed.host = host;
  return changed.href;
}

/** URL of an object in a publicly readable bucket. */
export function publicUrl(options: S3Options, key: string): string {
  // A colon is allowed in a path; some servers misread a plus.
  const path = key.split("/").map(encodeURIComponent).join("/")
    .replaceAll("%3A", ":");
  return `${base(options)}/${path}`;
}

function base(options: S3Options): string {
  const { bucket, region, publicHost, pathStyle } = options;
  if (publicHost !== undefined) return `https://${publicHost}`;
  const endpoint = new URL(
    options.publicEndpoint ?? options.endpoint ??
      `https://s3.${region}.amazonaws.com`,
  );
  const path = endpoint.pathname.replace(/\/$/, "");
  return pathStyle
    ? `${endpoint.origin}${path}/${bucket}`
    : `${endpoint.protocol}//${bucket}.${endpoint.host}${path}`;
}
