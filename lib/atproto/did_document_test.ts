import assert from "node:assert/strict";
import fc from "fast-check";
import { readDidDocument } from "./did_document.ts";

const did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

/** A document as plc.directory serves it today. */
const document = {
  "@context": [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
  ],
  id: did,
  alsoKnownAs: ["at://Alice.Example.com"],
  verificationMethod: [{
    id: `${did}#atproto`,
    type: "Multikey",
    controller: did,
    publicKeyMultibase: "zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w",
  }],
  service: [
    {
      id: "#atproto_pds",
      type: "AtprotoPersonalDataServer",
      serviceEndpoint: "https://pds.example.com/",
    },
    {
      id: `${did}#atcr_hold`,
      type: "AtcrHoldService",
      serviceEndpoint: "https://hold.example.com",
    },
  ],
};

Deno.test("a document gives handle, PDS, key and services", async () => {
  assert.deepEqual(await readDidDocument(did, document), {
    did,
    handle: "alice.example.com",
    pds: "https://pds.example.com",
    signingKey: "did:key:zQ3shunBKsXixLxKtC5qeSG9E4J5RkGN57im31pcTzbNQnm5w",
    services: { "#atcr_hold": "https://hold.example.com" },
  });
});

Deno.test("an uncompressed key of the older kind becomes the same did:key", async () => {
  const claims = await readDidDocument(did, {
    ...document,
    verificationMethod: [{
      id: "#atproto",
      type: "EcdsaSecp256k1VerificationKey2019",
      controller: did,
      publicKeyMultibase:
        "zMWAbLoCdoAqSLDd2zm6u6rdgQuSL6UnNseAEFkGpyjo64i3ZfaJek8oVVUuQtufhTvsgh6qWvSRqAE53xwkEMZYR",
    }],
  });
  assert.equal(
    claims?.signingKey,
    "did:key:zQ3shMWcMF3Faiha425cjsb8bdP2EjUJpypia4jzBmjr5Qrsh",
  );
});

Deno.test("a document of another DID is refused", async () => {
  const other = { ...document, id: "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" };
  assert.equal(await readDidDocument(did, other), undefined);
});

Deno.test("malformed entries leave the rest usable", async () => {
  const claims = await readDidDocument(did, {
    ...document,
    "@context": "https://www.w3.org/ns/did/v1",
    alsoKnownAs: [7, "https://example.com", "at://alice.example.com"],
    verificationMethod: "none",
    service: [null, { id: "#x" }, {
      id: "#y",
      type: "Y",
      serviceEndpoint: { uri: "https://y.example" },
    }, ...document.service],
  });
  assert.equal(claims?.handle, "alice.example.com");
  assert.equal(claims?.pds, "https://pds.example.com");
  assert.equal(claims?.signingKey, undefined);
});

Deno.test("an endpoint that is not a web address is omitted", async () => {
  for (
    const serviceEndpoint of [
      "ftp://pds.example",
      "https://user:pw@pds.example",
      "pds.example",
      "file:///etc/passwd",
    ]
  ) {
    const claims = await readDidDocument(did, {
      ...document,
      service: [{ ...document.service[0], serviceEndpoint }],
    });
    assert.equal(claims?.pds, undefined, serviceEndpoint);
  }
});

Deno.test("the first name that is a handle is used", async () => {
  const names = [
    ["at://not a handle"],
    ["at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"],
    ["at://bob.example.com/"],
    ["at://no_good", "https://bob.example.com"],
  ];
  for (const none of names) {
    const alone = await readDidDocument(did, {
      ...document,
      alsoKnownAs: none,
    });
    assert.equal(alone?.handle, undefined);
    const claims = await readDidDocument(did, {
      ...document,
      alsoKnownAs: [...none, "at://Alice.example.com", "at://bob.example.com"],
    });
    assert.equal(claims?.handle, "alice.example.com");
  }
});

Deno.test("the first valid key is used that the account itself controls", async () => {
  const { verificationMethod: [key] } = document;
  const claims = await readDidDocument(did, document);
  const others = [
    { ...key, type: "Ed25519VerificationKey2020" },
    { ...key, publicKeyMultibase: "zBroken" },
    { ...key, controller: "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb" },
  ];
  for (const other of others) {
    const alone = { ...document, verificationMethod: [other] };
    const before = { ...document, verificationMethod: [other, key] };
    assert.equal((await readDidDocument(did, alone))?.signingKey, undefined);
    assert.ok(claims?.signingKey);
    assert.equal(
      (await readDidDocument(did, before))?.signingKey,
      claims.signingKey,
    );
  }
});

Deno.test("no document makes the reader throw", async () => {
  await fc.assert(fc.asyncProperty(
    fc.record({
      id: fc.constant(did),
      alsoKnownAs: fc.jsonValue(),
      verificationMethod: fc.array(fc.oneof(
        fc.jsonValue(),
        fc.record({
          id: fc.constant("#atproto"),
          type: fc.constantFrom("Multikey", "X"),
          publicKeyMultibase: fc.string().map((s) => `z${s}`),
        }),
      )),
      service: fc.jsonValue(),
    }),
    async (value) => {
      assert.equal((await readDidDocument(did, value))?.did, did);
    },
  ));
});
