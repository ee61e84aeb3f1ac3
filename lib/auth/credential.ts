/**
 * The credential of a login, and its form in tokens.
 *
 * @module
 */

/** The credential of a login; tokens carry it, so that it can be revoked. */
export type Credential =
  | { readonly kind: "device"; readonly id: string }
  | { readonly kind: "password" };

/** Formats the credential for tokens. */
export function formatCredential(credential: Credential): string {
  return credential.kind === "device" ? `device/${credential.id}` : "password";
}

/** Parses the result of {@linkcode formatCredential}. */
export function parseCredential(
  text: string | undefined,
): Credential | undefined {
  if (text === undefined) return undefined;
  const [kind, id] = text.split("/");
  return kind === "device" && id !== undefined
    ? { kind: "device", id }
    : { kind: "password" };
}
