import assert from "node:assert/strict";
import { Accounts } from "../quota/accounts.ts";
import { Claims } from "../quota/claims.ts";
import { QuotaRooms } from "../quota/rooms.ts";
import { holdKeys } from "../kv_keys.ts";
import type { UploadRow } from "./upload_row.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  brokenBody,
  code,
  contents,
  MIB,
  noise,
  onEachHold,
  onEachStore,
  openHold,
  read,
  startUpload,
  WRONG,
} from "../testing.ts";

onEachHold(
  "parts may be sent in any order, twice, and in two ways",
  async (hold, { store }) => {
    const bytes = noise(11 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    const put = async (partNumber: number, from: number, to?: number) => {
      const body = bodyOf(bytes.subarray(from, to));
      const { etag } = await hold.uploads.parts.put(uploadId, partNumber, body);
      return { partNumber, etag };
    };
    const third = await put(3, 10 * MIB);
    await hold.uploads.parts.put(uploadId, 1, bodyOf(noise(5 * MIB, 9)));
    const [first, second] = await Promise.all([
      put(1, 0, 5 * MIB),
      put(2, 5 * MIB, 10 * MIB),
    ]);
    const quoted = { ...second, etag: `"${second.etag}"` };
    await hold.uploads.complete(uploadId, digestOf(bytes), [
      third,
      quoted,
      first,
    ]);
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.equal((await contents(store)).keys.length, 1);
  },
);

onEachHold(
  "missing, changed or wrong parts never become a blob",
  async (hold, { store }) => {
    const bytes = noise(6 * MIB);
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    await assert.rejects(
      hold.uploads.append(upload, 0, brokenBody(new Uint8Array())),
    );
    const { etag } = await hold.uploads.parts.put(uploadId, 1, bodyOf(bytes));
    const part = { partNumber: 1, etag };
    for (
      const parts of [
        [part, { partNumber: 2, etag }],
        [{ partNumber: 1, etag: "other" }],
        [part, part],
      ]
    ) {
      await assert.rejects(
        hold.uploads.complete(uploadId, digestOf(bytes), parts),
        code("BLOB_UPLOAD_INVALID"),
      );
    }
    await assert.rejects(
      hold.uploads.complete(uploadId, WRONG, [part]),
      code("DIGEST_INVALID"),
    );
    assert.deepEqual(await contents(store), { keys: [], uploads: 0 });
  },
);

onEachHold("a stream and parts cannot be mixed", async (hold) => {
  const one = await startUpload(hold, noise(10));
  await assert.rejects(
    hold.uploads.parts.put(one.uploadId, 1, bodyOf(noise(10))),
    code("BLOB_UPLOAD_INVALID"),
  );
  const two = await hold.uploads.initiate(ALICE);
  await hold.uploads.parts.put(two.uploadId, 1, bodyOf(noise(10)));
  await assert.rejects(
    hold.uploads.append(two, 0, bodyOf(noise(10))),
    code("BLOB_UPLOAD_INVALID"),
  );
  for (const partNumber of [0, -1, 1.5, 10_001, NaN]) {
    await assert.rejects(
      hold.uploads.parts.put(two.uploadId, partNumber, bodyOf(noise(1))),
      code("INVALID_REQUEST"),
    );
  }
});

onEachStore(
  "a part URL of the hold contains a ticket of its upload",
  async (store, clock) => {
    await using hold = await openHold(store, clock, { presign: false });
    const upload = await hold.uploads.initiate(ALICE);
    const { uploadId } = upload;
    const { url, method, headers } = await hold.uploads.parts.url(
      uploadId,
      7,
      ALICE,
    );
    assert.equal(
      url,
      "https://hold.example.com/xrpc/io.atcr.hold.uploadPart",
    );
    assert.equal(method, "PUT");
    assert.equal(headers["X-Upload-Id"], uploadId);
    assert.equal(headers["X-Part-Number"], "7");
    const ticket = headers["X-Upload-Ticket"] ?? "";
    assert.equal(await hold.uploads.parts.holder(uploadId, ticket), ALICE);
    const other = await hold.uploads.initiate(ALICE);
    assert.equal(
      await hold.uploads.parts.holder(other.uploadId, ticket),
      undefined,
    );
    assert.equal(await hold.uploads.parts.holder(uploadId, ""), undefined);
    await assert.rejects(
      hold.uploads.parts.url(uploadId, 1, BOB),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
  },
);

onEachStore(
  "a blob beyond the limit is refused during the upload",
  async (store, clock) => {
    await using hold = await openHold(store, clock, { maxBlobBytes: 1000 });
    await assert.rejects(
      hold.uploads.initiate(ALICE, { size: 1001 }),
      code("TOO_LARGE"),
    );
    const upload = await hold.uploads.initiate(ALICE, { size: 1000 });
    await assert.rejects(
      hold.uploads.append(upload, 0, bodyOf(noise(1001), 100)),
      code("TOO_LARGE"),
    );
    assert.equal(await hold.uploads.offset(upload), 0);
    await hold.uploads.append(upload, 0, bodyOf(noise(600)));
    await assert.rejects(
      hold.uploads.append(upload, 600, bodyOf(noise(401))),
      code("TOO_LARGE"),
    );
  },
);

onEachStore(
  "a quota ends an upload for any way of announcing the size",
  async (store, clock) => {
    const limits = new Map([[ALICE, 1000], [BOB, 0]]);
    await using hold = await openHold(store, clock);
    const { kv } = hold;
    const claims = new Claims(kv);
    const rooms = new QuotaRooms({
      accounts: new Accounts({ kv, clock, claims }),
      clock,
      limitOf: (did) =>
        Promise.resolve({ quota: limits.get(did) ?? 0, name: "small" }),
    });
    const uploads = hold.restart({ quota: rooms });
    for (const options of [{}, { size: 1 }]) {
      await assert.rejects(
        uploads.initiate(BOB, options),
        code("QUOTA_EXCEEDED"),
      );
    }
    await assert.rejects(
      uploads.initiate(ALICE, { size: 1001 }),
      code("QUOTA_EXCEEDED"),
    );
    const upload = await uploads.initiate(ALICE);
    await assert.rejects(
      uploads.append(upload, 0, bodyOf(noise(2000), 100)),
      code("QUOTA_EXCEEDED"),
    );
    const parts = await uploads.initiate(ALICE);
    await assert.rejects(
      uploads.parts.put(parts.uploadId, 1, bodyOf(noise(2000), 100)),
      code("QUOTA_EXCEEDED"),
    );
    const { minBytes } = store.parts;
    const bytes = noise(minBytes + 800);
    limits.set(ALICE, minBytes + 500);
    const many = await uploads.initiate(ALICE, { size: 1 });
    const middle = minBytes + 400;
    const id = many.uploadId;
    await uploads.parts.put(id, 1, bodyOf(bytes.subarray(0, middle)));
    await assert.rejects(
      uploads.parts.put(id, 2, bodyOf(bytes.subarray(middle))),
      code("QUOTA_EXCEEDED"),
    );
    // Parts sent directly to the store are counted at the next part and at completion.
    const row = await kv.get<UploadRow>(holdKeys.upload(id));
    assert.ok(row?.value.multipart);
    await store.putPart(row.value.multipart, 2, bytes.subarray(middle));
    const digest = digestOf(bytes);
    await assert.rejects(
      uploads.complete(id, digest),
      code("QUOTA_EXCEEDED"),
    );
    assert.equal(await hold.blobs.stat(digest), undefined);
    await assert.rejects(
      uploads.complete(id, digest),
      code("BLOB_UPLOAD_UNKNOWN"),
    );
    assert.deepEqual(await Array.fromAsync(store.list(hold.keys.uploads)), []);
    // All have ended: the whole quota is free again.
    await uploads.initiate(ALICE, { size: minBytes + 500 });
  },
);
