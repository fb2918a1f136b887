import type { Disk } from '../disk/disk.ts'
import { decodeIndex, indexName } from '../log/index-file.ts'
import { scanFrames } from '../log/scan.ts'
import { eventsOf } from '../log/section.ts'
import { baseOf, decodeHeader, isSegmentName } from '../log/segment.ts'
import { readFile } from './verify.ts'

export type StoreStat = {
  segments: number
  bytes: number
  events: number
  streams: number
  /** Where the log ends, as a position. */
  end: number
}

/** How much a store holds: from the index files, and by reading the segments that have none. */
export function statStore(disk: Disk): StoreStat {
  const names = disk.list().filter(isSegmentName).sort()
  const streams = new Set<string>()
  const stat: StoreStat = { segments: names.length, bytes: 0, events: 0, streams: 0, end: 0 }
  for (const [i, name] of names.entries()) {
    const isLast = i === names.length - 1
    const end =
      (isLast ? undefined : addIndex(disk, name, streams, stat)) ??
      addScan(disk, name, streams, stat)
    stat.bytes += end - baseOf(name)
    stat.end = end
  }
  stat.streams = streams.size
  return stat
}

type Sums = { events: number }

function addIndex(disk: Disk, segment: string, streams: Set<string>, sums: Sums) {
  const name = indexName(baseOf(segment))
  if (!disk.list().includes(name)) return undefined
  const index = decodeIndex(readFile(disk, name))
  for (const { name: stream, places, tombstone } of index?.streams ?? []) {
    streams.add(stream)
    sums.events += places.length + (tombstone === 0 ? 0 : 1)
  }
  return index?.end
}

function addScan(disk: Disk, name: string, streams: Set<string>, sums: Sums): number {
  const bytes = readFile(disk, name)
  const header = decodeHeader(bytes, name)
  if (header === undefined) return baseOf(name)
  const { end } = scanFrames(bytes, header, ({ payload, position }) => {
    for (const { stream } of eventsOf(payload, position)) {
      streams.add(stream)
      sums.events++
    }
  })
  return header.base + end
}
