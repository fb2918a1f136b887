import type { Disk } from '../disk/disk.ts'
import { indexName } from '../log/index-file.ts'
import { scanFrames } from '../log/scan.ts'
import { decodeHeader, isSegmentName, segmentName } from '../log/segment.ts'
import { StoreError } from '../store-error.ts'
import { readFile } from './verify.ts'

export type BackupReport = { segments: number; bytes: number; end: number }

/**
 * Copies a store, also while it runs: whatever was acknowledged before the call is in the copy.
 *
 * Full segments never change. The active one does while it is read, so that a plain copy of it may
 * hold a late frame and not the one before; here it ends with its last whole frame. Every frame is
 * checked on the way, so that nothing broken replaces a good backup.
 */
export async function backupStore(from: Disk, to: Disk): Promise<BackupReport> {
  if (to.list().some(isSegmentName)) {
    throw new StoreError('locked', 'the target holds a store already: back up into an empty one')
  }
  const report: BackupReport = { segments: 0, bytes: 0, end: 0 }
  let lastCrc = 0
  while (from.list().includes(segmentName(report.end))) {
    const name = segmentName(report.end)
    const bytes = readFile(from, name)
    const header = decodeHeader(bytes, name)
    if (header === undefined) break // A segment that is just being made.
    if (header.previousCrc !== lastCrc) {
      throw new StoreError('corrupt', `${name} does not follow the segment before it`)
    }
    const result = scanFrames(bytes, header, () => undefined)
    lastCrc = result.lastCrc
    await copy(to, name, bytes.subarray(0, result.end))
    const index = indexName(header.base)
    if (from.list().includes(index)) await copy(to, index, readFile(from, index))
    report.segments++
    report.bytes += result.end
    report.end += result.end
  }
  to.syncDirectory()
  if (report.segments === 0) throw new StoreError('corrupt', 'there is no store to back up')
  return report
}

async function copy(to: Disk, name: string, bytes: Buffer): Promise<void> {
  const file = to.open(name, 'create')
  try {
    file.write(bytes, 0)
    await file.sync()
  } finally {
    file.close()
  }
}
