/**
 * The command that pulls an image, for a client of the visitor's choice.
 *
 * @module
 */
/// <reference lib="dom" />

import { useState } from "preact/hooks";
import { CopyButton } from "./copy_button.tsx";
import { keep } from "./preferences.ts";
import { Parts, Words } from "./words.tsx";

/** How one client pulls. */
export interface PullCommand {
  readonly client: string;
  /** The command up to the name of the image. */
  readonly before: string;
  /** The part that people look for: the name without the host. */
  readonly name: string;
  readonly after: string;
}

/** Props of {@linkcode PullBox}. */
export interface PullBoxProps {
  readonly commands: readonly PullCommand[];
  readonly chosen: string;
  /** Where a form without script leads back to. */
  readonly returnTo: string;
}

/** The box. */
export function PullBox({ commands, chosen, returnTo }: PullBoxProps) {
  const [client, choose] = useState(chosen);
  const command = commands.find((one) => one.client === client) ?? commands[0];
  if (!command) return null;
  const { before, name, after } = command;
  const host = before.lastIndexOf(" ") + 1;
  return (
    <div class="pull-box">
      {commands.length > 1 && (
        <form method="post" action="/preferences">
          <input type="hidden" name="return_to" value={returnTo} />
          <fieldset class="clients">
            <legend class="hidden">Client</legend>
            {commands.map((one) => (
              <button
                key={one.client}
                type="submit"
                name="client"
                value={one.client}
                aria-pressed={one.client === command.client}
                onClick={(event) => {
                  event.preventDefault();
                  choose(one.client);
                  void keep("client", one.client);
                }}
              >
                {one.client}
              </button>
            ))}
          </fieldset>
        </form>
      )}
      <div class="pull" data-copied>
        <pre
          tabIndex={0}
          aria-label="Pull command"
        ><code><Words text={before.slice(0, host)} /><span>{before.slice(host)}<b><Parts text={name} /></b></span><Words text={after} /></code></pre>
        <CopyButton
          text={`${before}${name}${after}`}
          what="the pull command"
        />
      </div>
    </div>
  );
}
