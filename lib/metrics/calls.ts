/**
 * Counts and times calls to another system, such as the key-value store.
 *
 * @module
 */

import { Counter, Histogram, type Registry } from "prom-client";

/** Makes a span of a call. */
export interface CallSpans {
  call<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/** Options of {@linkcode CallMeter}. */
export interface CallMeterOptions {
  readonly registry: Registry;
  /** Beginning of the metrics' names, such as `atcr_kv`. */
  readonly prefix: string;
  /** What is called, in the help texts. */
  readonly what: string;
  /** Beginning of the spans' names, such as `kv`. */
  readonly span: string;
  readonly spans: CallSpans | undefined;
  /** Upper bounds of the duration in seconds. */
  readonly buckets: readonly number[];
}

/** The metrics of one operation, looked up once. */
interface Operation {
  readonly ok: { inc(): void };
  readonly failed: { inc(): void };
  readonly seconds: { observe(value: number): void };
}

/** Measures the calls to one kind of system, by driver and operation. */
export class CallMeter {
  readonly #calls: Counter<"driver" | "operation" | "outcome">;
  readonly #seconds: Histogram<"driver" | "operation">;
  readonly #operations = new Map<string, Operation>();
  readonly #options: CallMeterOptions;

  constructor(options: CallMeterOptions) {
    const { registry, prefix, what } = options;
    this.#options = options;
    this.#calls = new Counter({
      name: `${prefix}_operations_total`,
      help: `Calls to ${what}, by outcome: ok or failed.`,
      labelNames: ["driver", "operation", "outcome"],
      registers: [registry],
    });
    this.#seconds = new Histogram({
      name: `${prefix}_operation_duration_seconds`,
      help: `Time of calls to ${what}.`,
      labelNames: ["driver", "operation"],
      buckets: [...options.buckets],
      registers: [registry],
    });
  }

  /** Runs one call. `driver` and `operation` are names of the program, never of a client. */
  measure<T>(
    driver: string,
    operation: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const { span, spans } = this.#options;
    if (spans === undefined) return this.#timed(driver, operation, work);
    const timed = () => this.#timed(driver, operation, work);
    return spans.call(`${span} ${operation}`, timed);
  }

  async #timed<T>(
    driver: string,
    name: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const operation = this.#operation(driver, name);
    const started = performance.now();
    try {
      const result = await work();
      operation.ok.inc();
      return result;
    } catch (error) {
      operation.failed.inc();
      throw error;
    } finally {
      operation.seconds.observe((performance.now() - started) / 1000);
    }
  }

  #operation(driver: string, name: string): Operation {
    const key = `${driver} ${name}`;
    const known = this.#operations.get(key);
    if (known) return known;
    const operation = {
      ok: this.#calls.labels(driver, name, "ok"),
      failed: this.#calls.labels(driver, name, "failed"),
      seconds: this.#seconds.labels(driver, name),
    };
    this.#operations.set(key, operation);
    return operation;
  }
}
