import { realDisk } from '../../src/event-store/disk/real-disk.ts'
import { backupStore } from '../../src/event-store/inspect/backup.ts'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { testDirectory } from './test-directory.ts'

/** An event store at one address, in whose place a backup of it can come. */
export const restorableStore = async () => {
  let directory = testDirectory('event-store')
  let store = await serveEventStore({ directory, port: 0 })
  const { port } = store
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    /** What `daybook store backup` makes: the place of the copy. */
    backUp: async (): Promise<string> => {
      const copy = testDirectory('backup')
      await backupStore(realDisk(directory), realDisk(copy))
      return copy
    },
    /** Stops it and starts the copy in its place. */
    restore: async (copy: string): Promise<void> => {
      await store.close()
      directory = copy
      store = await serveEventStore({ directory, port })
    },
    close: () => store.close(),
  }
}
