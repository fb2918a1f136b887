import { type Method, unary } from '../grpc/server.ts'
import type { EventStore } from '../store/event-store.ts'
import { handleAppend } from './append.ts'
import { handleBatchAppend } from './batch-append.ts'
import { handleRemoval } from './delete.ts'
import { clusterInfo } from './gossip.ts'
import { handleRead } from './read.ts'
import { supportedMethods } from './server-features.ts'

/** Every method the server implements, by its path. */
export function methodsOf(
  store: EventStore,
  endpoint: () => { host: string; port: number },
): ReadonlyMap<string, Method> {
  const streams = '/event_store.client.streams.Streams'
  const features = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'
  const removal = (kind: 'delete' | 'tombstone') =>
    unary((message, call) => handleRemoval(store, kind, message, call))
  return new Map<string, Method>([
    [`${streams}/Read`, { isLongLived: true, serve: (call) => handleRead(store, call) }],
    [`${streams}/Append`, { isLongLived: false, serve: (call) => handleAppend(store, call) }],
    [
      `${streams}/BatchAppend`,
      { isLongLived: true, serve: (call) => handleBatchAppend(store, call) },
    ],
    [`${streams}/Delete`, removal('delete')],
    [`${streams}/Tombstone`, removal('tombstone')],
    ['/event_store.client.gossip.Gossip/Read', unary(() => clusterInfo(endpoint()))],
    [features, unary(() => supportedMethods)],
  ])
}
