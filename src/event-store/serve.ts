import { randomInt, randomUUID } from 'node:crypto'
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

const SEGMENT_BYTES = 64 * 1024 * 1024
const PREALLOCATE_BYTES = 4 * 1024 * 1024
const GROUP_REQUESTS = 4096
const RECENT_IDS = 100_000

/**
 * Opens the store in a directory and serves EventStoreDB's gRPC protocol. `close` lets what was
 * asked for be answered, ends subscriptions, syncs, unlocks, and then resolves.
 */
export async function serveEventStore(
  options: ServeOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const report: Report = options.log ?? (() => undefined)
  const host = options.host ?? '127.0.0.1'
  const store = await EventStore.open({
    disk: realDisk(options.directory),
    report,
    now: Date.now,
    random: () => randomInt(2 ** 32),
    newId: randomUUID,
    segmentBytes: SEGMENT_BYTES,
    preallocateBytes: PREALLOCATE_BYTES,
    groupRequests: GROUP_REQUESTS,
    recentIds: RECENT_IDS,
    onFatal: (error) => {
      report('error', `the event store ends: ${error.message}`, { stack: error.stack })
      process.exit(1)
    },
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
  report('info', 'the event store is open', { directory: options.directory, port: server.port })
  return {
    port: server.port,
    close: async () => {
      await server.close(() => store.drained())
      await store.close()
    },
  }
}
