/**
 * Instances of the encoder of jSquash: created from a compiled module, so that
 * nothing is fetched, and with a memory limit.
 *
 * @module
 */

/** Options of a codec's glue code that the published types omit. */
interface ModuleOptions {
  noInitialRun: boolean;
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ): WebAssembly.Exports;
  /** Discards the codec's output; a failed decode is reported by its result. */
  printErr(line: string): void;
}

/** Linear memory is counted in pages of 64 KiB. */
const PAGE = 65536;

/**
 * Creates an instance of a codec with its glue code. Its memory cannot grow
 * past `maxBytes`: the codec then fails as if out of memory.
 */
export async function instantiateCodec<T>(
  glue: unknown,
  module: WebAssembly.Module,
  maxBytes: number,
): Promise<T> {
  const factory = glue as (options: ModuleOptions) => Promise<T>;
  return await factory({
    noInitialRun: true,
    printErr() {},
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(module, imports);
      for (const value of Object.values(instance.exports)) {
        if (value instanceof WebAssembly.Memory) limit(value, maxBytes);
      }
      done(instance);
      return instance.exports;
    },
  });
}

/** The glue code grows the memory through this object only. */
function limit(memory: WebAssembly.Memory, maxBytes: number): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE > maxBytes) {
      throw new RangeError(`a codec wanted more than ${maxBytes} bytes`);
    }
    return grow(pages);
  };
}
