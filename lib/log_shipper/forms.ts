/**
 * The requests by which log services take lines.
 *
 * @module
 */

import { z } from "zod";

/** Longest answer that is read, in characters. */
const MAX_ANSWER = 1024 * 1024;

/** Kinds of log services. */
export type LogBackend = "victoria" | "opensearch" | "loki";

/** The request that delivers lines. */
export interface LogRequest {
  readonly url: string;
  readonly contentType: string;
  readonly body: string;
}

/** Name of the program in the log service. */
const SERVICE = "atcr";

/** What the services want to know of a line. */
const lineSchema = z.looseObject({ time: z.string(), level: z.string() });

/** Builds the request for JSON `lines` as {@link ../log.ts} writes them. */
export function logRequest(
  backend: LogBackend,
  base: string,
  lines: readonly string[],
): LogRequest {
  const url = new URL(base);
  switch (backend) {
    case "loki":
      return loki(withPath(url, "/loki/api/v1/push"), lines);
    case "victoria":
      return victoria(withPath(url, "/insert/jsonline"), lines);
    case "opensearch":
      return openSearch(withPath(url, "/_bulk"), lines);
  }
}

/** Sets the path where the operator gave none. */
function withPath(url: URL, path: string): URL {
  if (url.pathname === "/") url.pathname = path;
  return url;
}

/** Loki's push API: one stream for each level. */
function loki(url: URL, lines: readonly string[]): LogRequest {
  const levels = new Map<string, [string, string][]>();
  for (const line of lines) {
    const { time, level } = head(line);
    const values = levels.get(level) ?? [];
    values.push([`${Date.parse(time)}000000`, line]);
    levels.set(level, values);
  }
  const streams = [...levels].map(([level, values]) => ({
    stream: { service_name: SERVICE, level },
    values,
  }));
  return {
    url: url.href,
    contentType: "application/json",
    body: JSON.stringify({ streams }),
  };
}

/** VictoriaLogs' JSON lines. */
function victoria(url: URL, lines: readonly string[]): LogRequest {
  url.searchParams.set("_stream_fields", "service,level");
  url.searchParams.set("_time_field", "time");
  url.searchParams.set("_msg_field", "msg");
  url.searchParams.set("extra_fields", `service=${SERVICE}`);
  return {
    url: url.href,
    contentType: "application/stream+json",
    body: lines.join("\n") + "\n",
  };
}

/** OpenSearch's bulk API: an index for each day. */
function openSearch(url: URL, lines: readonly string[]): LogRequest {
  const body = lines.map((line) => {
    const { time } = head(line);
    const day = time.slice(0, 10).replaceAll("-", ".");
    const action = { create: { _index: `${SERVICE}-logs-${day}` } };
    const added = `"@timestamp":${JSON.stringify(time)},"service":"${SERVICE}"`;
    return `${JSON.stringify(action)}\n{${added},${line.slice(1)}\n`;
  }).join("");
  // The answer names every line; only what went wrong is of interest.
  url.searchParams.set("filter_path", "errors,items.*.status");
  return { url: url.href, contentType: "application/x-ndjson", body };
}

const bulkAnswer = z.looseObject({
  errors: z.boolean().optional(),
  items: z.array(z.record(z.string(), z.looseObject({ status: z.number() })))
    .optional(),
});

/**
 * How many of the lines a service refused although it answered 200, as
 * OpenSearch does for single lines of a batch.
 */
export async function refusedLines(
  backend: LogBackend,
  response: Response,
): Promise<number> {
  if (backend !== "opensearch" || response.body === null) {
    await response.body?.cancel();
    return 0;
  }
  let text = "";
  const chunks = response.body.pipeThrough(new TextDecoderStream());
  for await (const chunk of chunks) {
    text += chunk;
    if (text.length > MAX_ANSWER) return 0;
  }
  const { success, data } = bulkAnswer.safeParse(parsed(text));
  if (!success || !data.errors) return 0;
  return (data.items ?? []).flatMap((item) => Object.values(item))
    .filter(({ status }) => status >= 300).length;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function head(line: string): { time: string; level: string } {
  return lineSchema.parse(JSON.parse(line));
}
