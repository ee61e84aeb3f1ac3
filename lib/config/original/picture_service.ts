/**
 * Recognises the environment of the original avatar service, which names a
 * bucket and nothing that runs.
 *
 * @module
 */

/** Sections whose settings belong to the other services, or to the address of a server with them. */
const OF_OTHERS =
  /^(registry|hold|index|webhooks|oauth|pages|legal|backup)\.|^storage\.(driver|root_dir|prefix|s3\.bucket)$|^server\.(base_url|roles|default_hold_did|registry_domains)$/;

/**
 * Whether the given settings, by their source (a variable or a file), are those
 * of the original avatar service: its variable for the bucket, and none that
 * says more than how avatars are made and where this program keeps its data.
 */
export function isPictureService(
  given: ReadonlyMap<string, string>,
): boolean {
  return given.get("avatar.s3.bucket") === "BUCKET_NAME" &&
    ![...given.keys()].some((path) => OF_OTHERS.test(path));
}
