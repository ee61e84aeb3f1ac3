/**
 * Bytes with one owner at a time, who frees their memory as soon as they are
 * used. Without that, every piece of a large body waits for a full garbage
 * collection of the whole heap, which takes longer than hashing and storing it.
 *
 * @module
 */

const OWNED = Symbol("owned");

/**
 * Bytes that nobody but their holder refers to. Passing them on, for example in
 * a stream, passes on the ownership: the giver must not use them any more. A
 * view of them is not owned.
 */
export type OwnedBytes = Uint8Array & { readonly [OWNED]: true };

/**
 * Marks `bytes`, to which the caller has the only reference, as owned. They
 * must fill their buffer; others are returned unmarked, because other bytes may
 * be in it.
 */
export function own(bytes: Uint8Array): Uint8Array | OwnedBytes {
  const { buffer } = bytes;
  const isWhole = bytes.byteLength === buffer.byteLength;
  // A property, not a WeakSet, whose entries the collector has to look through.
  return isWhole && buffer instanceof ArrayBuffer
    ? Object.assign(bytes, { [OWNED]: true as const })
    : bytes;
}

/**
 * Frees the memory of `bytes` if they are owned; they are empty then. No
 * operation may be using them. Bytes of others stay as they are.
 */
export function release(bytes: Uint8Array): void {
  if (!isOwned(bytes)) return;
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

function isOwned(bytes: Uint8Array): bytes is OwnedBytes {
  return OWNED in bytes;
}
