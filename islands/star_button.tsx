/**
 * Gives and takes back a star. All buttons for one repository change together,
 * also in other windows. Without a script it is a form.
 *
 * @module
 */
/// <reference lib="dom" />

import { useEffect, useRef, useState } from "preact/hooks";

/** Props of {@linkcode StarButton}. */
export interface StarButtonProps {
  /** Where the form is sent, the same for all buttons of a repository. */
  readonly action: string;
  /** Undefined when one has to sign in first. */
  readonly csrf: string | undefined;
  readonly signIn: string;
  /** Where the form leads back to without a script. */
  readonly returnTo: string;
  /** How many accounts star the repository. */
  readonly count: number;
  /** Whether the visitor is one of them. */
  readonly isStarred: boolean;
}

/** How it is now. */
interface StarState {
  readonly count: number;
  readonly isStarred: boolean;
}

const CHANNEL = "atcr-stars";

/** The button. */
export function StarButton(
  { action, csrf, signIn, returnTo, ...before }: StarButtonProps,
) {
  const [state, setState] = useState<StarState>(before);
  const [problem, setProblem] = useState("");
  const tell = useShared(action, setState);
  const { count, isStarred } = state;
  const label = isStarred ? "Take the star back" : "Star";
  const figure = new Intl.NumberFormat("en").format(count);
  if (csrf === undefined) {
    return (
      <a
        class="button star"
        href={signIn}
        aria-label={`Star, ${figure} stars; sign in first`}
      >
        <StarIcon isFull={false} />
        Star <b>{figure}</b>
      </a>
    );
  }
  return (
    <form
      class="star-form"
      method="post"
      action={action}
      onSubmit={async (event) => {
        event.preventDefault();
        const next = {
          isStarred: !isStarred,
          count: Math.max(0, count + (isStarred ? -1 : 1)),
        };
        setProblem("");
        setState(next);
        const answer = await send(action, csrf, next.isStarred);
        setState("problem" in answer ? state : answer);
        if ("problem" in answer) setProblem(answer.problem);
        else tell(answer);
      }}
    >
      <input type="hidden" name="csrf" value={csrf} />
      <input type="hidden" name="return_to" value={returnTo} />
      <input type="hidden" name="starred" value={isStarred ? "no" : "yes"} />
      <button
        type="submit"
        class="button star"
        aria-pressed={isStarred}
        aria-label={`${label}, ${figure} stars`}
      >
        <StarIcon isFull={isStarred} />
        {isStarred ? "Starred" : "Star"} <b>{figure}</b>
      </button>
      <span class={problem === "" ? "hidden" : "small bad"} role="status">
        {problem}
      </span>
    </form>
  );
}

function StarIcon({ isFull }: { isFull: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {isFull
        ? (
          <path d="M8 .8l2.2 4.6 5 .7-3.6 3.5.9 5L8 12.2l-4.5 2.4.9-5L.8 6.1l5-.7z" />
        )
        : (
          <path d="M8 .8l2.2 4.6 5 .7-3.6 3.5.9 5L8 12.2l-4.5 2.4.9-5L.8 6.1l5-.7zM8 3.9L6.7 6.6l-3 .4 2.2 2.1-.5 3L8 10.7l2.6 1.4-.5-3L12.3 7l-3-.4z" />
        )}
    </svg>
  );
}

/** Posts the form as a script does; the answer, or why there is none. */
async function send(
  action: string,
  csrf: string,
  isStarred: boolean,
): Promise<StarState | { readonly problem: string }> {
  try {
    const answer = await fetch(action, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams({ csrf, starred: isStarred ? "yes" : "no" }),
    });
    const body = await answer.json();
    return answer.ok
      ? { count: Number(body.count), isStarred: body.isStarred === true }
      : { problem: String(body.message) };
  } catch {
    return { problem: "The server did not answer; nothing was changed." };
  }
}

/** Hears of changes at other buttons of the same repository; returns what tells them. */
function useShared(
  action: string,
  hear: (state: StarState) => void,
): (state: StarState) => void {
  const channel = useRef<BroadcastChannel>(undefined);
  useEffect(() => {
    const shared = channel.current = new BroadcastChannel(CHANNEL);
    shared.onmessage = ({ data }) => {
      if (data.action === action) hear(data.state);
    };
    return () => shared.close();
  }, [action]);
  return (state) => channel.current?.postMessage({ action, state });
}
