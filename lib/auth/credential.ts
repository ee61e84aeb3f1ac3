/**
 * What somebody has logged in with, and how tokens tell of it.
 *
 * @module
 */

/** With what somebody has logged in; tokens carry it, so that it can be revoked. */
export type Credential =
  | { readonly kind: "device"; readonly id: string }
  | { readonly kind: "password" };

/** The credential as it stands in tokens. */
export function formatCredential(credential: Credential): string {
  return credential.kind === "device" ? `device/${credential.id}` : "password";
}

/** Reads what {@linkcode formatCredential} has written. */
export function parseCredential(
  text: string | undefined,
): Credential | undefined {
  if (text === undefined) return undefined;
  const [kind, id] = text.split("/");
  return kind === "device" && id !== undefined
    ? { kind: "device", id }
    : { kind: "password" };
}
