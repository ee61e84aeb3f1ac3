/**
 * Values that the registry fills in when it serves the helper.
 *
 * @module
 */

/** Placeholder for the version. */
const VERSION_MARK = "__ATCR_HELPER_VERSION__";

/** Placeholder for the registry that serves the file. */
const REGISTRY_MARK = "__ATCR_HELPER_REGISTRY__";

/** For example `0.1.0`. */
export const version: string = VERSION_MARK.startsWith("__")
  ? "development"
  : VERSION_MARK;

/** Address of the registry that served the helper; undefined for a manual build. */
export const homeRegistry: string | undefined = REGISTRY_MARK.startsWith("__")
  ? undefined
  : REGISTRY_MARK;
