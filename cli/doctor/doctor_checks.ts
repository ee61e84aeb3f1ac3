/**
 * All checks of `doctor`.
 *
 * @module
 */

import { BACKUP_CHECKS } from "./doctor_backup.ts";
import type { DoctorCheck } from "./doctor_finding.ts";
import { HOLD_CHECKS } from "./doctor_hold.ts";
import { PICTURE_CHECKS } from "./doctor_pictures.ts";
import { PROCESS_CHECKS } from "./doctor_process.ts";
import { SCRUB_CHECKS } from "./doctor_scrub.ts";
import { STORAGE_CHECKS } from "./doctor_storage.ts";

/** In the order in which they are run and printed. */
export const CHECKS: readonly DoctorCheck[] = [
  ...PROCESS_CHECKS,
  ...BACKUP_CHECKS,
  ...STORAGE_CHECKS,
  ...PICTURE_CHECKS,
  ...SCRUB_CHECKS,
  ...HOLD_CHECKS,
];
