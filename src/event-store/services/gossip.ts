import { randomUUID } from 'node:crypto'
import { messageField, stringField, uintField } from '../../protobuf.ts'

const LEADER = 8
const TICKS_PER_MILLISECOND = 10_000
const instanceId = randomUUID()

/** ClusterInfo of a cluster of one, so that discovering clients find it. */
export function clusterInfo({ host, port }: { host: string; port: number }): Buffer {
  return messageField(
    1,
    messageField(1, stringField(2, instanceId)),
    uintField(2, Date.now() * TICKS_PER_MILLISECOND),
    uintField(3, LEADER),
    uintField(4, 1),
    messageField(5, stringField(1, host), uintField(2, port)),
  )
}
