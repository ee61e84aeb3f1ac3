/**
 * The S3 servers for tests.
 *
 * @module
 */

import { ceph } from "./ceph.ts";
import type { S3Kind } from "./kinds.ts";
import { versitygw } from "./versitygw.ts";

/** By the name on the command line. */
export const S3_SERVERS: Readonly<Record<string, S3Kind>> = {
  ceph,
  versitygw,
};
