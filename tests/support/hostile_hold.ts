/**
 * A hold that takes uploads as others do, and answers requests for blobs with
 * the bytes that a test gives it.
 *
 * @module
 */

import { createServer, type ServerResponse } from "node:http";

/** Answers `getBlob`; `method` is GET or HEAD. */
export type BlobAnswer = (response: ServerResponse, method: string) => void;

/** The hold, and what it answers. */
export interface HostileHold extends AsyncDisposable {
  readonly origin: string;
  readonly did: string;
  blob: BlobAnswer;
}

/** Starts a hold on `port` that is public and `owner` may push to. */
export async function startHostileHold(
  port: number,
  owner: () => string,
): Promise<HostileHold> {
  const origin = `http://localhost:${port}`;
  const did = `did:web:localhost%3A${port}`;
  const service = {
    id: "#atcr_hold",
    type: "AtcrHoldService",
    serviceEndpoint: origin,
  };
  const answers: Record<string, () => unknown> = {
    "/.well-known/did.json": () => ({ id: did, service: [service] }),
    "/xrpc/com.atproto.repo.getRecord": () => ({
      value: { owner: owner(), public: true, allowAllCrew: false },
    }),
    "/xrpc/com.atproto.repo.listRecords": () => ({ records: [] }),
    "/xrpc/io.atcr.hold.initiateUpload": () => ({ uploadId: "u" }),
    "/xrpc/io.atcr.hold.getPartUploadUrl": () => ({
      url: `${origin}/xrpc/io.atcr.hold.uploadPart`,
    }),
    "/xrpc/io.atcr.hold.uploadPart": () => ({ etag: "e" }),
    "/xrpc/io.atcr.hold.completeUpload": () => ({}),
  };
  const server = createServer((request, response) => {
    request.resume();
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    if (path === "/xrpc/com.atproto.sync.getBlob") {
      hold.blob(response, request.method ?? "");
      return;
    }
    request.once("end", () => {
      const answer = answers[path]?.();
      response.writeHead(answer === undefined ? 404 : 200, {
        "content-type": "application/json",
        etag: '"e"',
      });
      response.end(JSON.stringify(answer ?? {}));
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(port, "localhost", resolve);
  const hold: HostileHold = {
    origin,
    did,
    blob: (response) => response.writeHead(404).end(),
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
  await promise;
  return hold;
}
