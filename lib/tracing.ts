/**
 * Spans of OpenTelemetry, for runtimes that export them (`OTEL_DENO=true`). The
 * runtime's own span of a request is not active in its handler, so that calls
 * made by the handler would hang loose: requests get a span of ours, and calls
 * to other systems are its children.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  context,
  propagation,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";

/** Identifies the active span in a log line. */
export interface SpanFields {
  readonly trace_id: string;
  readonly span_id: string;
}

/** Makes spans. */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Runs `work` in a span of a call to another system. */
  call<T>(
    name: string,
    work: () => Promise<T>,
    attributes: Attributes = {},
  ): Promise<T> {
    return this.#run(name, SpanKind.CLIENT, attributes, undefined, work);
  }

  /**
   * Runs `work` in a span of a request with the headers `traceparent` and
   * `tracestate`; `work` may add what is known later to the span.
   */
  request<T>(
    name: string,
    headers: { readonly traceparent?: string; readonly tracestate?: string },
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const parent = propagation.extract(context.active(), headers);
    return this.#run(name, SpanKind.SERVER, {}, parent, work);
  }

  /** Fields of the active span; undefined outside of spans. */
  fields(): SpanFields | undefined {
    const active = trace.getActiveSpan()?.spanContext();
    if (active === undefined) return undefined;
    return { trace_id: active.traceId, span_id: active.spanId };
  }

  async #run<T>(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: Context | undefined,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const within = parent ?? context.active();
    const span = this.#tracer.startSpan(name, { kind, attributes }, within);
    try {
      return await context.with(trace.setSpan(within, span), () => work(span));
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }
}

/** Opens tracing, or returns undefined where the runtime exports no spans: nothing costs anything then. */
export function openTracing(): Tracing | undefined {
  // The runtime replaces the provider of the API.
  if (trace.getTracerProvider() instanceof ProxyTracerProvider) {
    return undefined;
  }
  return new Tracing(trace.getTracer("atcr"));
}
