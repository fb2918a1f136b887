import { messageField, stringField } from '../../protobuf.ts'

/** The version of EventStoreDB whose behaviour the store has. */
const SERVER_VERSION = '24.2.0'

const method = (service: string, name: string, features: string[] = []) =>
  messageField(
    1,
    stringField(1, name),
    stringField(2, service),
    ...features.map((feature) => stringField(3, feature)),
  )

const streams = 'event_store.client.streams.streams'

/** SupportedMethods: clients append in batches only where batchappend is listed. */
export const supportedMethods = Buffer.concat([
  method(streams, 'read', ['position', 'events']),
  method(streams, 'append'),
  method(streams, 'batchappend'),
  method(streams, 'delete'),
  method(streams, 'tombstone'),
  method('event_store.client.gossip.gossip', 'read'),
  method('event_store.client.server_features.serverfeatures', 'getsupportedmethods'),
  stringField(2, SERVER_VERSION),
])
