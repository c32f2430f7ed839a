import type { BlobHome } from '../../src/blobs/store.ts'

export interface SwitchedHome extends BlobHome {
  /** Keeps blobs in another home from now on; null: in the usual one. */
  use(home: BlobHome | null): Promise<void>
}

/** @param usual where blobs are kept unless told otherwise */
export function switchedHome(usual: BlobHome): SwitchedHome {
  let current = usual
  return {
    start: async () => current.start(),
    has: async (key) => current.has(key),
    write: async (key, file) => current.write(key, file),
    read: async (key, range) => current.read(key, range),
    remove: async (key) => current.remove(key),
    stop: async () => current.stop(),
    async use(home) {
      const next = home ?? usual
      if (next === current) return
      await current.stop()
      current = next
      await current.start()
    },
  }
}
