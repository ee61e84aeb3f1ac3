/**
 * One valid call of every method that a hold serves.
 *
 * @module
 */

import { z } from "zod";
import { digestOf, randomBlob } from "./oci.ts";
import { xrpc, type XrpcAnswer, type XrpcRequest } from "./xrpc.ts";

/** A call, and what its response provides for later calls. */
export interface Example {
  /** Whether the caller must authenticate. */
  readonly auth?: boolean;
  readonly request: () => XrpcRequest | Promise<XrpcRequest>;
  readonly then?: (answer: XrpcAnswer) => void;
}

/** The hold that is called. */
export interface ExampleHold {
  readonly origin: string;
  readonly did: string;
  /** The captain, who makes the calls. */
  readonly captain: string;
  tokenFor(lxm: string): Promise<string>;
}

const uploadAnswer = z.object({ uploadId: z.string() });
const etagAnswer = z.object({ etag: z.string() });
const blobAnswer = z.object({
  blob: z.object({ ref: z.object({ $link: z.string() }) }).loose(),
});
const layersAnswer = z.object({ layers: z.array(z.unknown()).length(1) });

const NOTE = "com.example.note";

/** The calls by method, in a working order. */
export function examplesFor(
  hold: ExampleHold,
): Readonly<Record<string, Example>> {
  const host = hold.did.replace("did:web:", "");
  // State shared by the calls.
  const state = { uploadId: "", etag: "", avatar: {}, cid: "" };
  const layer = randomBlob(1_000);
  const manifestDigest = digestOf(new TextEncoder().encode("manifest"));
  const repo = { repo: hold.did };
  const did = { did: hold.did };

  return {
    "com.atproto.server.describeServer": { request: () => ({}) },
    "com.atproto.identity.resolveHandle": {
      request: () => ({ params: { handle: host } }),
    },
    "com.atproto.repo.uploadBlob": {
      auth: true,
      request: () => ({
        input: randomBlob(100).bytes,
        headers: { "content-type": "image/png" },
      }),
      then: ({ body }) => {
        const { blob } = blobAnswer.parse(body);
        state.avatar = blob;
        state.cid = blob.ref.$link;
      },
    },
    "com.atproto.repo.putRecord": {
      auth: true,
      request: () => ({
        input: {
          ...repo,
          collection: "app.bsky.actor.profile",
          rkey: "self",
          record: {
            $type: "app.bsky.actor.profile",
            displayName: "The hold",
            avatar: state.avatar,
          },
        },
      }),
    },
    "com.atproto.repo.createRecord": {
      auth: true,
      request: () => ({
        input: {
          ...repo,
          collection: NOTE,
          rkey: "first",
          record: { $type: NOTE, text: "one" },
        },
      }),
    },
    "com.atproto.repo.applyWrites": {
      auth: true,
      request: () => {
        const type = "com.atproto.repo.applyWrites";
        const at = (rkey: string) => ({ collection: NOTE, rkey });
        const value = { $type: NOTE, text: "two" };
        return {
          input: {
            ...repo,
            writes: [
              { $type: `${type}#create`, ...at("second"), value },
              { $type: `${type}#create`, collection: NOTE, value },
              { $type: `${type}#update`, ...at("first"), value },
            ],
          },
        };
      },
    },
    "com.atproto.repo.deleteRecord": {
      auth: true,
      request: () => ({
        input: { ...repo, collection: NOTE, rkey: "second" },
      }),
    },
    "com.atproto.repo.describeRepo": { request: () => ({ params: repo }) },
    "com.atproto.repo.getRecord": {
      request: () => ({
        params: { ...repo, collection: NOTE, rkey: "first" },
      }),
    },
    "com.atproto.repo.listRecords": {
      request: () => ({
        params: { ...repo, collection: NOTE, limit: 1, reverse: true },
      }),
    },
    "com.atproto.sync.getRepo": { request: () => ({ params: did }) },
    "com.atproto.sync.getRecord": {
      request: () => ({ params: { ...did, collection: NOTE, rkey: "none" } }),
    },
    "com.atproto.sync.getLatestCommit": { request: () => ({ params: did }) },
    "com.atproto.sync.getBlocks": {
      request: async () => {
        const { body } = await xrpc(
          hold.origin,
          "com.atproto.sync.getLatestCommit",
          { params: did },
        );
        const { cid } = z.object({ cid: z.string() }).parse(body);
        return { params: { ...did, cids: [cid] } };
      },
    },
    "com.atproto.sync.getRepoStatus": { request: () => ({ params: did }) },
    "com.atproto.sync.listRepos": { request: () => ({ params: { limit: 5 } }) },
    "com.atproto.sync.listBlobs": { request: () => ({ params: did }) },
    "com.atproto.sync.getBlob": {
      request: () => ({ params: { ...did, cid: state.cid } }),
    },
    "app.bsky.actor.getProfile": {
      request: () => ({ params: { actor: host } }),
    },
    "app.bsky.actor.getProfiles": {
      request: () => ({
        params: { actors: [hold.did, "did:web:other.example.com"] },
      }),
    },
    "app.bsky.feed.describeFeedGenerator": { request: () => ({}) },
    "app.bsky.feed.getFeedSkeleton": {
      request: () => ({
        params: { feed: `at://${hold.did}/app.bsky.feed.generator/hold` },
      }),
    },
    "io.atcr.hold.requestCrew": { auth: true, request: () => ({ input: {} }) },
    "io.atcr.hold.initiateUpload": {
      auth: true,
      request: () => ({ input: { digest: layer.digest } }),
      then: ({ body }) => {
        state.uploadId = uploadAnswer.parse(body).uploadId;
      },
    },
    "io.atcr.hold.getPartUploadUrl": {
      auth: true,
      request: () => ({ input: { uploadId: state.uploadId, partNumber: 1 } }),
    },
    "io.atcr.hold.uploadPart": {
      auth: true,
      request: () => ({
        input: layer.bytes,
        headers: { "x-upload-id": state.uploadId, "x-part-number": "1" },
      }),
      then: ({ body }) => {
        state.etag = etagAnswer.parse(body).etag;
      },
    },
    "io.atcr.hold.completeUpload": {
      auth: true,
      request: () => ({
        input: {
          uploadId: state.uploadId,
          digest: layer.digest,
          parts: [{ partNumber: 1, etag: state.etag }],
        },
      }),
    },
    "io.atcr.hold.abortUpload": {
      auth: true,
      request: async () => {
        const nsid = "io.atcr.hold.initiateUpload";
        const { body } = await xrpc(hold.origin, nsid, {
          input: { digest: layer.digest },
          token: await hold.tokenFor(nsid),
        });
        return { input: uploadAnswer.parse(body) };
      },
    },
    "io.atcr.hold.notifyManifest": {
      auth: true,
      request: () => ({
        input: {
          repository: "app",
          userDid: hold.captain,
          manifestDigest,
          tag: "v1",
          manifest: {
            mediaType: "application/vnd.oci.image.manifest.v1+json",
            layers: [{
              digest: layer.digest,
              size: layer.bytes.length,
              mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
            }],
          },
        },
      }),
    },
    "io.atcr.hold.getLayersForManifest": {
      request: () => ({
        params: {
          manifest: `at://${hold.captain}/io.atcr.manifest/${
            manifestDigest.replace("sha256:", "")
          }`,
        },
      }),
      then: ({ body }) => void layersAnswer.parse(body),
    },
    "io.atcr.hold.listLayers": {
      request: () => ({
        params: { userDid: hold.captain, since: "2025-01-01T00:00:00Z" },
      }),
      then: ({ body }) => void layersAnswer.parse(body),
    },
    "io.atcr.hold.getQuota": {
      request: () => ({ params: { userDid: hold.captain } }),
    },
    "io.atcr.hold.setStats": {
      auth: true,
      request: () => ({
        input: {
          ownerDid: hold.captain,
          repository: "app",
          pullCount: 5,
        },
      }),
    },
    "io.atcr.hold.updateCrewTier": {
      auth: true,
      request: () => ({ input: { userDid: hold.captain, tierRank: 0 } }),
    },
    "io.atcr.hold.exportUserData": { auth: true, request: () => ({}) },
    "io.atcr.hold.deleteUserData": {
      auth: true,
      request: () => ({ input: {} }),
    },
  };
}
