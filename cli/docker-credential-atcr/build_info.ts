/**
 * What the registry writes into the file when it hands the helper out.
 *
 * @module
 */

/** Stands for the version until the file is handed out. */
const VERSION_MARK = "__ATCR_HELPER_VERSION__";

/** Stands for the registry that hands the file out. */
const REGISTRY_MARK = "__ATCR_HELPER_REGISTRY__";

/** For example `0.1.0`. */
export const version: string = VERSION_MARK.startsWith("__")
  ? "development"
  : VERSION_MARK;

/** Address of the registry that the helper came from; undefined when it was built by hand. */
export const homeRegistry: string | undefined = REGISTRY_MARK.startsWith("__")
  ? undefined
  : REGISTRY_MARK;
