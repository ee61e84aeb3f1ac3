/**
 * Image configurations (image-spec, "Image Configuration"), as far as people
 * read them. Whatever is wrong in one is left out: it is only shown.
 *
 * @module
 */

import { z } from "zod";
import type { Descriptor } from "./descriptor.ts";

const text = z.string().optional().catch(undefined);
const texts = z.array(z.string()).optional().catch(undefined);
const names = z.record(z.string(), z.unknown()).optional().catch(undefined);

const historySchema = z.object({
  created: text,
  created_by: text,
  comment: text,
  empty_layer: z.boolean().optional().catch(undefined),
});

const runtimeSchema = z.object({
  User: text,
  ExposedPorts: names,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: names,
  WorkingDir: text,
  Labels: z.record(z.string(), z.string()).optional().catch(undefined),
  StopSignal: text,
  Healthcheck: z.object({ Test: texts }).optional().catch(undefined),
});

const schema = z.object({
  created: text,
  author: text,
  architecture: text,
  variant: text,
  os: text,
  config: runtimeSchema.nullish().catch(undefined),
  history: z.array(historySchema).nullish().catch(undefined),
});

/** An image configuration. */
export type ImageConfig = z.infer<typeof schema>;

/** One step of a build: an instruction, and the layer that it made. */
export interface BuildStep {
  /** As in a Dockerfile; undefined where the configuration does not say. */
  readonly instruction: string | undefined;
  /** Undefined when the step changed no file. */
  readonly layer: Descriptor | undefined;
}

/** Reads parsed JSON; undefined when it is no image configuration at all. */
export function readImageConfig(value: unknown): ImageConfig | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}

/**
 * Layers with the instructions that made them, in order. Where the history does
 * not fit the layers there are no instructions.
 */
export function buildSteps(
  layers: readonly Descriptor[],
  config: ImageConfig | undefined,
): BuildStep[] {
  const history = config?.history ?? [];
  const made = history.filter((step) => !step.empty_layer).length;
  if (made !== layers.length) {
    return layers.map((layer) => ({ instruction: undefined, layer }));
  }
  let next = 0;
  return history.map((step) => ({
    instruction: instructionOf(step.created_by ?? step.comment ?? ""),
    layer: step.empty_layer ? undefined : layers[next++],
  }));
}

/** The instruction as it was in the Dockerfile, from what builders write. */
function instructionOf(createdBy: string): string | undefined {
  const written = createdBy.trim()
    .replace(/\s*# buildkit$/, "")
    .replace(/^\/bin\/sh -c #\(nop\)\s+/, "")
    // Build arguments stand in front of the command: |1 NAME=value /bin/sh -c …
    .replace(/^\|\d+ .*?\/bin\/sh -c /, "RUN ")
    .replace(/^(?:RUN )?\/bin\/sh -c /, "RUN ")
    .replace(/^RUN \|\d+ .*?\/bin\/sh -c /, "RUN ");
  return written === "" ? undefined : written;
}
