/**
 * The operations that the benchmark consists of, as requests.
 *
 * @module
 */

import { MANIFEST_TYPE } from "../clients/layout.ts";
import { type Blob, cut, type Image } from "./content.ts";
import { type Answer, header, type Wire } from "./wire.ts";

/** How a blob is sent: in the closing PUT, or as one chunked PATCH before. */
export type Way = "monolithic" | "streamed";

/** Bytes of a piece when a body is streamed; io.Copy of Go sends as much. */
const PIECE_BYTES = 32_768;

/** Pushes layer, config and manifest; returns the bytes of the layer. */
export async function pushImage(
  wire: Wire,
  repo: string,
  auth: string,
  { layer, config, manifest }: Image,
  tag: string,
  way: Way,
): Promise<number> {
  await pushBlob(wire, repo, auth, layer, way);
  await pushBlob(wire, repo, auth, config, "monolithic");
  await putManifest(wire, repo, auth, manifest, tag);
  return layer.size;
}

/** Uploads one blob. */
export async function pushBlob(
  wire: Wire,
  repo: string,
  auth: string,
  { digest, pieces, size }: Blob,
  way: Way,
): Promise<number> {
  const path = `/v2/${repo}/blobs/uploads/`;
  const opened = await wire.call({ method: "POST", path, headers: auth });
  expectStatus(opened, 202, "POST of an upload");
  let location = locationOf(opened);
  if (way === "streamed") {
    const patched = await wire.call({
      method: "PATCH",
      path: location,
      headers: `${auth}content-type: application/octet-stream\r\n`,
      body: cut(pieces, PIECE_BYTES),
      chunked: true,
    });
    expectStatus(patched, 202, "PATCH of an upload");
    location = locationOf(patched);
  }
  const mark = location.includes("?") ? "&" : "?";
  const closed = await wire.call({
    method: "PUT",
    path: `${location}${mark}digest=${encodeURIComponent(digest)}`,
    headers: `${auth}content-type: application/octet-stream\r\n`,
    body: way === "streamed" ? [] : pieces,
  });
  expectStatus(closed, 201, "PUT of an upload");
  return size;
}

/** Stores a manifest under a tag or digest. */
export async function putManifest(
  wire: Wire,
  repo: string,
  auth: string,
  manifest: Uint8Array,
  ref: string,
): Promise<void> {
  const answer = await wire.call({
    method: "PUT",
    path: `/v2/${repo}/manifests/${ref}`,
    headers: `${auth}content-type: ${MANIFEST_TYPE}\r\n`,
    body: [manifest],
    keep: true,
  });
  expectStatus(answer, 201, "PUT of a manifest");
}

/** Pulls as clients do: manifest by tag, then config and layer. */
export async function pullImage(
  wire: Wire,
  repo: string,
  auth: string,
  { layer, config }: Image,
  tag: string,
): Promise<number> {
  const base = `/v2/${repo}`;
  const headers = `${auth}accept: ${MANIFEST_TYPE}\r\n`;
  const paths = [
    `${base}/manifests/${tag}`,
    `${base}/blobs/${config.digest}`,
    `${base}/blobs/${layer.digest}`,
  ];
  let bytes = 0;
  for (const path of paths) {
    const answer = await wire.call({ method: "GET", path, headers });
    expectStatus(answer, 200, `GET of ${path}`);
    bytes = answer.bytes;
  }
  if (bytes !== layer.size) throw new Error(`${bytes} bytes of ${layer.size}`);
  return bytes;
}

/** Path and query of an answer's Location, relative or not. */
function locationOf(answer: Answer): string {
  const location = header(answer.head, "location");
  if (location === undefined) throw new Error("an answer without Location");
  const { pathname, search } = new URL(location, "http://registry");
  return `${pathname}${search}`;
}

/** @throws {Error} when the status is another one. */
export function expectStatus(
  answer: Answer,
  status: number,
  what: string,
): void {
  if (answer.status === status) return;
  throw new Error(`${what}: ${answer.status} ${answer.text}\n${answer.head}`);
}
