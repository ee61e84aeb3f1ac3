/**
 * Checks of `doctor` on the store of pictures.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";
import {
  type DoctorCheck,
  fail,
  type Finding,
  ok,
  warn,
} from "./doctor_finding.ts";

/** The checks. */
export const PICTURE_CHECKS: readonly DoctorCheck[] = [
  { name: "pictures", run: pictures },
];

/** Whether clients that are redirected to the bucket can read it. */
async function pictures({ avatars, config }: AppContext): Promise<Finding[]> {
  const reach = await avatars?.publicReach();
  if (reach === undefined) return [];
  const { state, sentence } = reach;
  if (state === "open") return [ok(sentence)];
  // A bucket may be private on purpose, but not with a host for the public.
  const isWanted = config.avatar.public_host !== undefined;
  return [state === "closed" && isWanted ? fail(sentence) : warn(sentence)];
}
