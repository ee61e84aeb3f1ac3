/**
 * Builds what deletes images and repositories in the name of their owners, and
 * registers its jobs.
 *
 * @module
 */

import type { JobRunner } from "../../kv/jobs/job_runner.ts";
import {
  REPOSITORY_DELETION,
  RepositoryDeletion,
  type RepositoryDeletionDeps,
} from "../../registry/deletion/repository_deletion.ts";
import type { RepositoryEvents } from "../../registry/repository_events.ts";
import {
  UntaggedCheck,
  type UntaggedCheckDeps,
} from "../../registry/untagged/untagged_check.ts";
import {
  UNTAGGED,
  UntaggedImages,
  type UntaggedImagesDeps,
} from "../../registry/untagged/untagged_images.ts";

type WithJobs = { readonly jobs: Pick<JobRunner, "register" | "wake"> };

/** Creates what deletes images that lose their last tag. */
export function createUntagged(
  deps: WithJobs & UntaggedCheckDeps & Omit<UntaggedImagesDeps, "check">,
): UntaggedImages {
  const check = new UntaggedCheck(deps);
  const untagged = new UntaggedImages({ ...deps, check });
  deps.jobs.register(UNTAGGED, untagged.run);
  return untagged;
}

/** Creates what deletes whole repositories. */
export function createRepositoryDeletion(
  deps: WithJobs & Omit<RepositoryDeletionDeps, "wake">,
): RepositoryDeletion {
  const { jobs } = deps;
  const deletion = new RepositoryDeletion({ ...deps, wake: () => jobs.wake() });
  jobs.register(REPOSITORY_DELETION, deletion.run);
  return deletion;
}

/** The events of pushes for `events`, and for the images that lose their last tag. */
export function joinedEvents(
  events: RepositoryEvents,
  untagged: UntaggedImages,
): RepositoryEvents {
  return {
    plan: (event) => [...events.plan(event), ...untagged.plan(event)],
    committed: () => events.committed(),
  };
}
