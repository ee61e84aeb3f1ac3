/**
 * Instances of the jSquash codecs: made from a compiled module, so that
 * nothing is fetched, and with a ceiling on their memory.
 *
 * @module
 */

/** What the glue of a codec takes; the published types leave it out. */
interface ModuleOptions {
  noInitialRun: boolean;
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance) => void,
  ): WebAssembly.Exports;
  /** Where the codec would print; a failed decode is reported by its result. */
  printErr(line: string): void;
}

/** Linear memory is counted in pages of 64 KiB. */
const PAGE = 65536;

/**
 * Makes an instance of a codec by its glue code. Its memory cannot grow past
 * `maxBytes`: the codec then fails as it does when a machine has no more.
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

/** The glue grows the memory through this object, never from inside. */
function limit(memory: WebAssembly.Memory, maxBytes: number): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE > maxBytes) {
      throw new RangeError(`a codec wanted more than ${maxBytes} bytes`);
    }
    return grow(pages);
  };
}
