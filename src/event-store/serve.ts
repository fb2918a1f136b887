import { randomInt, randomUUID } from 'node:crypto'
import type { Disk } from './disk/disk.ts'
import { realDisk } from './disk/real-disk.ts'
import { type GrpcServer, serveGrpc } from './grpc/server.ts'
import type { Report } from './report.ts'
import { methodsOf } from './services/index.ts'
import { EventStore } from './store/event-store.ts'

export type ServeOptions = {
  directory: string
  host?: string
  /** 0 takes any free port. */
  port: number
  log?: Report
}

export type ServedStore = { port: number; close(): Promise<void> }

const SEGMENT_BYTES = 64 * 1024 * 1024
/** More at once keeps everybody waiting: docs/decisions/055. */
const PREALLOCATE_BYTES = 512 * 1024
const GROUP_REQUESTS = 4096
const RECENT_IDS = 100_000

/**
 * Opens the store in a directory and serves EventStoreDB's gRPC protocol. `close` lets what was
 * asked for be answered, ends subscriptions, syncs, unlocks, and then resolves.
 */
export function serveEventStore(options: ServeOptions): Promise<ServedStore> {
  const report: Report = options.log ?? (() => undefined)
  return serveDisk(realDisk(options.directory), options, (error) => {
    report('error', `the event store ends: ${error.message}`, { stack: error.stack })
    process.exit(1)
  })
}

/** The same on any disk. `onFatal` is called when it cannot go on, and has to end the process. */
export async function serveDisk(
  disk: Disk,
  options: Omit<ServeOptions, 'directory'>,
  onFatal: (error: Error) => void,
): Promise<ServedStore> {
  const report: Report = options.log ?? (() => undefined)
  const host = options.host ?? '127.0.0.1'
  const store = await EventStore.open({
    disk,
    report,
    now: Date.now,
    random: () => randomInt(2 ** 32),
    newId: randomUUID,
    segmentBytes: SEGMENT_BYTES,
    preallocateBytes: PREALLOCATE_BYTES,
    groupRequests: GROUP_REQUESTS,
    recentIds: RECENT_IDS,
    onFatal,
  })
  let server: GrpcServer
  try {
    server = await serveGrpc({
      host,
      port: options.port,
      methods: methodsOf(store, () => ({ host, port: server.port })),
      onError: (error) => report('error', 'a call failed', { error: String(error) }),
    })
  } catch (error) {
    await store.close()
    throw error
  }
  report('info', 'the event store is open', { host, port: server.port })
  return {
    port: server.port,
    close: async () => {
      await server.close(() => store.drained())
      await store.close()
    },
  }
}
