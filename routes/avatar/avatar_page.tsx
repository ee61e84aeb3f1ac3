/** The page about the avatar service, with a form to try it. */

import type { Context } from "@hono/hono";
import { isValidHandle } from "@atproto/syntax";
import { parseQuery, readIdentifier } from "../../lib/avatar/parameters.ts";
import { assertAllowed } from "../../lib/avatar/admission.ts";
import type { AvatarOptions } from "../../lib/avatar/options.ts";
import type { AvatarService } from "../../lib/avatar/service.ts";
import { parseDid } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import { type ParameterRow, parametersOf } from "./parameter_table.ts";
import type { AppEnv } from "../middleware.ts";
import { renderPage } from "../pages/document.tsx";
import { frameOf } from "../pages/frame/frame.ts";

/** Fields of the form. */
interface Trial {
  readonly identifier: string;
  readonly w: string;
  readonly h: string;
  readonly f: string;
  readonly fit: string;
}

const FORMATS = ["webp", "jpg", "png", "auto"];
const FITS = ["cover", "contain", "inside"];

/** Default side of the form in pixels, if every size is allowed. */
const TRIAL_SIDE = 200;

/** A side allowed for everyone; empty if there is none. */
function exampleSide(options: AvatarOptions): string {
  const { allowedSizes, signingKeys, limits } = options;
  const [allowed] = allowedSizes;
  if (allowed !== undefined) {
    return String(allowedSizes.includes(TRIAL_SIDE) ? TRIAL_SIDE : allowed);
  }
  if (signingKeys.length > 0) return "";
  return String(Math.min(TRIAL_SIDE, limits.maxSide));
}

/** Renders the page; the form's values are in its query. */
export function avatarPage(
  c: Context<AppEnv>,
  service: AvatarService,
): Response {
  const { baseUrl } = service.options;
  const side = exampleSide(service.options);
  const trial: Trial = {
    identifier: identifierOf(c.req.query("identifier") ?? ""),
    w: c.req.query("w") ?? side,
    h: c.req.query("h") ?? side,
    f: c.req.query("f") ?? "webp",
    fit: c.req.query("fit") ?? "cover",
  };
  c.header(
    "content-security-policy",
    // The picture is reached by a redirect and may be at the bucket's origin.
    `default-src 'none'; style-src 'self'; img-src 'self' ${service.objectOrigin}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  );
  return c.html(renderPage({
    title: "Avatars",
    // Nothing here needs a script, and none is allowed.
    frame: { ...frameOf(c), modules: undefined },
    children: (
      <AvatarPage
        base={baseUrl}
        trial={trial}
        problem={problemOf(trial, service.options)}
        maxSide={service.options.limits.maxSide}
        parameters={parametersOf(service.options)}
        side={side}
      />
    ),
  }));
}

/** What the form's field names, or its text if that is neither a handle nor a DID. */
function identifierOf(text: string): string {
  return readIdentifier(text) ?? text.trim();
}

/** Path and query of the picture that the form describes. */
function trialPath(trial: Trial): string {
  const query = new URLSearchParams();
  for (const name of ["w", "h"] as const) {
    if (trial[name] !== "") query.set(name, trial[name]);
  }
  if (trial.f !== "webp") query.set("f", trial.f);
  if (trial.fit !== "cover") query.set("fit", trial.fit);
  query.set("fallback", "initials");
  const path = encodeURIComponent(trial.identifier).replaceAll("%3A", ":");
  return `/${path}?${query}`;
}

/** Why the form's picture is unavailable, as far as known without network requests. */
function problemOf(trial: Trial, options: AvatarOptions): string | undefined {
  const { identifier } = trial;
  if (identifier === "") return undefined;
  if (!isValidHandle(identifier) && parseDid(identifier) === undefined) {
    return `${identifier} is neither a handle such as alice.example.com nor a DID such as did:plc:….`;
  }
  try {
    const url = new URL(trialPath(trial), options.baseUrl);
    const query = parseQuery(url.searchParams, undefined, {
      maxSide: options.limits.maxSide,
      fallbackHosts: options.fallbackHosts,
    });
    assertAllowed(query, url, options);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

interface PageProps {
  readonly base: string;
  readonly trial: Trial;
  readonly problem: string | undefined;
  /** Largest width and height, in pixels. */
  readonly maxSide: number;
  readonly parameters: readonly ParameterRow[];
  /** Width and height in the example; empty for none. */
  readonly side: string;
}

function AvatarPage(props: PageProps) {
  const { base, parameters, side } = props;
  const size = side === "" ? "" : `?w=${side}&h=${side}`;
  return (
    <>
      <h1>Avatars</h1>
      <p>
        The picture of any AT Protocol account as an image URL: put a handle or
        a DID behind <code>{`${base}/`}</code>, for example
      </p>
      <pre tabIndex={0}>
        <code>{`<img src="${base}/alice.example.com${size}" alt="Alice">`}</code>
      </pre>

      <TryIt {...props} />

      <h2>Parameters</h2>
      <ParameterTable parameters={parameters} />

      <h2>Good to know</h2>
      <ul>
        <li>
          The answer is a redirect to the stored picture. The redirect is asked
          for each time, so a new picture shows soon; the stored picture never
          changes and is kept for a year.
        </li>
        <li>
          <code>/&#123;handle or DID&#125;/banner</code> is the banner,{" "}
          <code>/&#123;handle or DID&#125;.json</code>{" "}
          returns a description as JSON.
        </li>
        <li>
          Pictures stand upright and in sRGB, whatever camera or program made
          them. Of an animation the first frame shows.
        </li>
      </ul>
    </>
  );
}

function TryIt({ base, trial, problem, maxSide }: PageProps) {
  const path = trialPath(trial);
  return (
    <>
      <h2>Try it</h2>
      <form method="get" class="fields">
        <p class="wide">
          <label for="identifier">Handle or DID</label>
          <input
            id="identifier"
            name="identifier"
            required
            spellcheck={false}
            autocomplete="off"
            autocapitalize="none"
            value={trial.identifier}
          />
        </p>
        <Side name="w" label="Width" value={trial.w} max={maxSide} />
        <Side name="h" label="Height" value={trial.h} max={maxSide} />
        <Choice name="f" label="Format" values={FORMATS} value={trial.f} />
        <Choice name="fit" label="Fit" values={FITS} value={trial.fit} />
        <button type="submit">Show</button>
      </form>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {trial.identifier !== "" && problem === undefined && (
        <figure>
          <img src={path} alt={`Picture of ${trial.identifier}`} />
          <figcaption>
            <a href={path}>
              <code>{`${base}${path}`}</code>
            </a>
          </figcaption>
        </figure>
      )}
    </>
  );
}

function ParameterTable({ parameters }: Pick<PageProps, "parameters">) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Parameter</th>
          <th scope="col">Takes</th>
          <th scope="col">Does</th>
        </tr>
      </thead>
      <tbody>
        {parameters.map(([name, takes, does]) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>{takes}</td>
            <td>{does}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Side(
  { name, label, value, max }: {
    name: string;
    label: string;
    value: string;
    max: number;
  },
) {
  return (
    <p>
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type="number"
        min={1}
        max={max}
        value={value}
      />
    </p>
  );
}

function Choice(
  { name, label, values, value }: {
    name: string;
    label: string;
    values: readonly string[];
    value: string;
  },
) {
  return (
    <p>
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {values.map((one) => (
          <option key={one} value={one} selected={one === value}>
            {one}
          </option>
        ))}
      </select>
    </p>
  );
}
