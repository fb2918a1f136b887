import type { Disk, DiskFile } from '../../src/event-store/disk/disk.ts'

/** How many syncs there were, and how many milliseconds were spent waiting for them. */
export type Syncs = { count: number; waited: number }

/** A disk that takes down its syncs. */
export const timedDisk = (disk: Disk, syncs: Syncs): Disk => ({
  ...disk,
  open: (name, mode) => timedFile(disk.open(name, mode), syncs),
})

const timedFile = (file: DiskFile, syncs: Syncs): DiskFile => ({
  read: (into, offset) => file.read(into, offset),
  write: (from, offset) => file.write(from, offset),
  truncate: (length) => file.truncate(length),
  size: () => file.size(),
  sync: async () => {
    const start = performance.now()
    await file.sync()
    syncs.count++
    syncs.waited += performance.now() - start
  },
  close: () => file.close(),
})
