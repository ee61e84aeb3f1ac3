/** The sign-in pages. */

import { renderPage } from "./document.tsx";
import type { Frame } from "./frame/frame.ts";

/** Content of the sign-in page. */
export interface SignInPageProps {
  /** The identifier entered before. */
  identifier: string;
  returnTo: string;
  /** Handles that have signed in here before. */
  recent: readonly string[];
  /** Error of the last attempt. */
  problem: string | undefined;
  frame: Frame;
}

/** The page that asks for a handle. */
export function signInPage(props: SignInPageProps): string {
  const { identifier, returnTo, recent, problem } = props;
  return renderPage({
    title: "Sign in",
    frame: props.frame,
    children: (
      <>
        <h1>Sign in with your AT Protocol account</h1>
        {problem !== undefined && <p role="alert">{problem}</p>}
        <form method="post" action="/auth/login">
          <input type="hidden" name="return_to" value={returnTo} />
          <p class="labelled">
            <label for="identifier">Handle, DID or address of your PDS</label>
            <input
              id="identifier"
              name="identifier"
              value={identifier}
              placeholder="alice.example.com"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              maxLength={2048}
              required
            />
          </p>
          <button type="submit" class="button primary">
            Continue at your PDS
          </button>
        </form>
        {recent.length > 0 && (
          <>
            <h2>Signed in here before</h2>
            <ul>
              {recent.map((handle) => (
                <li key={handle}>
                  <form method="post" action="/auth/login">
                    <input type="hidden" name="return_to" value={returnTo} />
                    <button type="submit" name="identifier" value={handle}>
                      {handle}
                    </button>
                  </form>
                </li>
              ))}
            </ul>
          </>
        )}
        <p class="above soft">
          You type your password at your own PDS only. It then asks you what
          this registry may do in your name.
        </p>
      </>
    ),
  });
}

/** The page for a failed sign-in. */
export function signInFailedPage(
  props: { message: string; requestId: string; frame: Frame },
): string {
  return renderPage({
    title: "Not signed in",
    frame: props.frame,
    children: (
      <>
        <h1>Signing in did not work</h1>
        <p role="alert">{props.message}</p>
        <p>
          <a href="/auth/login">Sign in again</a> ·{" "}
          <a href="/">Back to the start</a>
        </p>
        <p>
          <small>
            Request <code>{props.requestId}</code>
          </small>
        </p>
      </>
    ),
  });
}
