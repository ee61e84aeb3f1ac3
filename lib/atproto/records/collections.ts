/**
 * NSIDs of the collections of registries and holds.
 *
 * @module
 */

/** Collections that registries write in the owners' repos. */
export const OWNER_COLLECTIONS = {
  manifest: "io.atcr.manifest",
  page: "io.atcr.repo.page",
  profile: "io.atcr.sailor.profile",
  star: "io.atcr.sailor.star",
  tag: "io.atcr.tag",
} as const;

/** Collections in a hold's own repo. */
export const HOLD_COLLECTIONS = {
  captain: "io.atcr.hold.captain",
  crew: "io.atcr.hold.crew",
  layer: "io.atcr.hold.layer",
  stats: "io.atcr.hold.stats",
  scan: "io.atcr.hold.scan",
} as const;
