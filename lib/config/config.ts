/**
 * Loads the configuration: environment over YAML over defaults, validated as a
 * whole. The only module that reads the environment.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { z } from "zod";
import { needsProxyAdvice, PROXY_ADVICE } from "./derived/advice.ts";
import { ConfigError, type Mistake } from "./config_error.ts";
import { type Complete, complete } from "./derived/derive.ts";
import { previewSettings } from "./derived/preview.ts";
import { isPictureService } from "./original/picture_service.ts";
import { settingsSchema } from "./schema.ts";
import { type Leaf, leavesOf, nodesOf } from "./setting.ts";
import { readEnvironment, readYaml, type Sources } from "./sources.ts";
import { isTree, lookUp, remove } from "./tree.ts";

/** Inputs of {@linkcode loadConfig}. */
export interface ConfigInput {
  /** The program's arguments; only `--config FILE` is used. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Reads a file as text, or throws. */
  readonly readTextFile: (path: string) => string;
}

type Frozen<T> = T extends Uint8Array ? T
  : T extends readonly (infer Item)[] ? readonly Frozen<Item>[]
  : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> }
  : T;

/**
 * Every setting by YAML path, with its final value, and the derived values
 * `kv.location`, `server.listen`, `server.public` and `avatar.storage`.
 */
export type Config = Frozen<Complete> & {
  /**
   * Whether this is Deno Deploy, which determines the listen address and when
   * background work runs.
   */
  readonly deploy: boolean;
  /**
   * Whether this is a preview on Deno Deploy, which keeps nothing, does no
   * background work and runs no hold.
   */
  readonly preview: boolean;
  readonly origin: {
    /** Where each given setting comes from: path to variable or file name. */
    readonly settings: ReadonlyMap<string, string>;
    /** Warnings to log at the start, such as settings without effect. */
    readonly notices: readonly string[];
  };
};

/** Loads the configuration, frozen. Throws a {@linkcode ConfigError} that lists every mistake. */
export function loadConfig(input: ConfigInput): Config {
  const nodes = nodesOf(settingsSchema);
  const leaves = leavesOf(nodes);
  const sources = readFile(input);
  readEnvironment(input.env, sources, nodes);
  const { tree, origins, mistakes } = sources;

  let result = settingsSchema.safeParse(tree);
  if (!result.success) {
    const found = result.error.issues
      .flatMap((issue) => describe(issue, sources, leaves));
    // A list may have several errors but is reported once.
    mistakes.push(...new Map(found.map((m) => [m.setting, m])).values());
    // Remove invalid values, so that the rest can be validated in the same pass.
    for (const mistake of mistakes) remove(tree, mistake.setting);
    result = settingsSchema.safeParse(tree);
  }
  if (!result.success) throw new ConfigError(mistakes);

  const deploy = ["DENO_DEPLOY", "DENO_DEPLOYMENT_ID"]
    .some((name) => Object.hasOwn(input.env, name));
  const timeline = deploy ? input.env["DENO_TIMELINE"] : undefined;
  const preview = timeline !== undefined && timeline !== "production";
  const picturesOnly = isPictureService(origins);
  const proxyGiven = origins.has("server.trust_proxy");
  const machine = { deploy: deploy && !preview, picturesOnly, proxyGiven };
  const whole = complete(
    preview ? previewSettings(result.data) : result.data,
    machine,
  );
  const wrong = new Set(mistakes.map((mistake) => mistake.setting));
  for (const { setting, message } of whole.mistakes) {
    if (wrong.has(setting)) continue;
    mistakes.push({ setting, source: origins.get(setting), message });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const notices = [...sources.notices];
  const isGiven = (path: string) => origins.has(path);
  if (needsProxyAdvice(whole.complete, { deploy }, isGiven)) {
    notices.push(PROXY_ADVICE);
  }
  const origin = { settings: origins, notices };
  return freeze({ ...whole.complete, deploy, preview, origin });
}

/** Reads the file named by `--config`. */
function readFile({ args, readTextFile }: ConfigInput): Sources {
  const { values } = parseArgs({
    args: [...args],
    options: { config: { type: "string" } },
    strict: false,
  });
  const file = values.config;
  const none = (setting: string, message: string): Sources => ({
    tree: {},
    origins: new Map(),
    mistakes: [{ setting, source: undefined, message }],
    notices: [],
  });
  if (file === undefined) {
    return { tree: {}, origins: new Map(), mistakes: [], notices: [] };
  }
  if (typeof file !== "string" || file === "") {
    return none("--config", "needs the name of a file");
  }
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return none("--config", `${file} cannot be read: ${reason}`);
  }
  return readYaml(text, file, nodesOf(settingsSchema));
}

/** Describes a failed validation for the operator. */
function describe(
  issue: z.core.$ZodIssue,
  { tree, origins }: Sources,
  leaves: readonly Leaf[],
): Mistake[] {
  const path = issue.path.map(String).join(".");
  const leaf = leaves.find((leaf) =>
    path === leaf.path || path.startsWith(`${leaf.path}.`)
  );
  if (leaf !== undefined) {
    const shown = leaf.secret
      ? "the given value (hidden)"
      : show(lookUp(tree, leaf.path));
    return [{
      setting: leaf.path,
      source: origins.get(leaf.path),
      message: `${shown} is not allowed; expected ${leaf.allowed}`,
    }];
  }
  const section = path === "" ? "" : `${path}.`;
  const names = leaves.map((leaf) => leaf.path)
    .filter((name) => name.startsWith(section))
    .map((name) => name.slice(section.length).split(".")[0]);
  const allowed = [...new Set(names)].join(", ");
  if (issue.code !== "unrecognized_keys") {
    return [{
      setting: path,
      source: undefined,
      message: `must be a section with ${allowed}`,
    }];
  }
  const place = path === "" ? "at the top" : `in ${path}`;
  return issue.keys.map((key) => ({
    setting: `${section}${key}`,
    source: undefined,
    message: `is not a setting; allowed ${place}: ${allowed}`,
  }));
}

/** Formats a value for display, without passwords in URLs. */
function show(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Anchors in YAML can create cycles.
  }
  const plain = (text ?? "the given value")
    .replace(/\/\/[^/"@]*@/g, "//(hidden)@");
  return plain.length > 120 ? `${plain.slice(0, 120)}…` : plain;
}

function freeze<T>(value: T): T {
  if (isTree(value) || Array.isArray(value)) {
    if (ArrayBuffer.isView(value) || value instanceof Map) return value;
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}
