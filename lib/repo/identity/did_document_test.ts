import assert from "node:assert/strict";
import { readDidDocument } from "../../atproto/did_document.ts";
import { testSigner } from "../../../tests/support/repo.ts";
import { didDocument, handleOfHost, INVALID_HANDLE } from "./did_document.ts";

Deno.test("another implementation reads the same from our DID document", async () => {
  const { didKey } = await testSigner();
  const did = "did:web:hold.example.com";
  const document = didDocument({
    did,
    host: "Hold.example.com",
    signingKey: didKey,
    pds: "https://hold.example.com",
    services: {
      "#atcr_hold": {
        type: "AtcrHoldService",
        endpoint: "https://hold.example.com",
      },
    },
  });
  assert.deepEqual(await readDidDocument(did, document), {
    did,
    handle: "hold.example.com",
    pds: "https://hold.example.com",
    signingKey: didKey,
    services: { "#atcr_hold": "https://hold.example.com" },
  });
});

Deno.test("a host with a port is not a handle and is omitted", async () => {
  assert.equal(handleOfHost("localhost:5000"), INVALID_HANDLE);
  const { alsoKnownAs } = didDocument({
    did: "did:web:localhost%3A5000",
    host: "localhost:5000",
    signingKey: (await testSigner()).didKey,
    pds: "http://localhost:5000",
    services: {},
  });
  assert.deepEqual(alsoKnownAs, []);
});
