import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { blobStoreContract } from "./blob_store_contract.ts";

blobStoreContract({
  name: "memory",
  open: () => {
    const store = new MemoryBlobStore();
    const close = () => Promise.resolve();
    return Promise.resolve({ store, another: () => store, close });
  },
});

blobStoreContract({
  name: "filesystem",
  open: async () => {
    const folder = await Deno.makeTempDir();
    const open = () => new FilesystemBlobStore({ folder });
    return {
      store: open(),
      another: open,
      close: () => Deno.remove(folder, { recursive: true }),
    };
  },
});
