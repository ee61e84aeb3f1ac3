/**
 * How an image runs, and the configuration of other artifacts.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import type { ArtifactKind } from "../../../lib/index/cards/artifact_kind.ts";
import type { ImageConfig } from "../../../lib/oci/image_config.ts";
import { NameValues } from "./image_manifest.tsx";

/** Entries of a list that are shown. */
const MAX_ENTRIES = 200;

/** The panel of an image's configuration. */
export function ImageConfigPanel({ config }: { config: ImageConfig }) {
  const runtime = config.config ?? {};
  const { Entrypoint, Cmd, User, WorkingDir, ExposedPorts, Volumes } = runtime;
  const { Env = [], StopSignal, Healthcheck, Labels = {} } = runtime;
  return (
    <section class="panel" id="config" aria-labelledby="runs">
      <header>
        <h3 id="runs">Runs as</h3>
      </header>
      <dl class="body config">
        <Entry name="Entry point">{commandOf(Entrypoint)}</Entry>
        <Entry name="Command">{commandOf(Cmd)}</Entry>
        <Entry name="User">
          {User === undefined || User === "" ? "root" : User}
        </Entry>
        <Entry name="Working directory">{WorkingDir}</Entry>
        <Entry name="Ports">{listOf(Object.keys(ExposedPorts ?? {}))}</Entry>
        <Entry name="Volumes">{listOf(Object.keys(Volumes ?? {}))}</Entry>
        <Entry name="Stop signal">{StopSignal}</Entry>
        <Entry name="Health check">{commandOf(Healthcheck?.Test)}</Entry>
        <Entry name="Author">{config.author}</Entry>
      </dl>
      <Folded name="Environment" count={Env.length}>
        <NameValues
          entries={Env.slice(0, MAX_ENTRIES).map((line) => {
            const [name = "", ...value] = line.split("=");
            return [name, value.join("=")] as const;
          })}
        />
      </Folded>
      <Folded name="Labels" count={Object.keys(Labels).length}>
        <NameValues entries={Object.entries(Labels).slice(0, MAX_ENTRIES)} />
      </Folded>
    </section>
  );
}

/** The panel of a configuration that is some JSON, such as that of a Helm chart. */
export function JsonConfigPanel(
  { value, kind }: { value: unknown; kind: ArtifactKind },
) {
  const entries = typeof value === "object" && value !== null
    ? Object.entries(value).slice(0, MAX_ENTRIES)
    : [];
  if (entries.length === 0) return null;
  return (
    <section class="panel" id="config" aria-labelledby="configuration">
      <header>
        <h3 id="configuration">
          {kind === "helm" ? "Chart" : "Configuration"}
        </h3>
      </header>
      <NameValues
        entries={entries.map(([name, one]) => [name, shown(one)] as const)}
      />
    </section>
  );
}

function Entry(
  { name, children }: { name: string; children: string | undefined },
) {
  if (children === undefined || children === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{children}</code>
      </dd>
    </div>
  );
}

function Folded(
  { name, count, children }: {
    name: string;
    count: number;
    children: ComponentChildren;
  },
) {
  if (count === 0) return null;
  return (
    <details class="folded" open={count <= 6}>
      <summary>
        <span>{name} ({count})</span>
      </summary>
      {children}
    </details>
  );
}

/** A command as one would type it; words with spaces are quoted. */
function commandOf(words: readonly string[] | undefined): string | undefined {
  return words?.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)
  ).join(" ");
}

function listOf(names: readonly string[]): string {
  return names.slice(0, MAX_ENTRIES).join(", ");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}
