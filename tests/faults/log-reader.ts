import { EventStoreDBClient, START } from '@eventstore/db-client'

/** An event as it stands in the log, nothing interpreted. */
export type Stored = {
  readonly id: string
  readonly type: string
  readonly stream: string
  readonly revision: number
  readonly data: Readonly<Record<string, unknown>>
  readonly metadata: Metadata
}

export type Metadata = {
  readonly command_id: string
  readonly recorded_at: string
  readonly actor: string
  readonly idempotency_key: string | null
  readonly route: string | null
  readonly previous_hash: string
  readonly hash: string
  readonly [name: string]: unknown
}

/** Events by stream. */
export type Log = ReadonlyMap<string, readonly Stored[]>

/** The whole log, read from the event store itself. */
export const readLog = async (url: string): Promise<Log> => {
  const client = EventStoreDBClient.connectionString(url)
  const streams = new Map<string, Stored[]>()
  try {
    for await (const { event } of client.readAll({ fromPosition: START })) {
      if (!event || event.streamId.startsWith('$')) continue
      const events = streams.get(event.streamId) ?? []
      streams.set(event.streamId, events)
      events.push({
        id: event.id,
        type: event.type,
        stream: event.streamId,
        revision: Number(event.revision),
        data: event.data as Stored['data'],
        metadata: event.metadata as Metadata,
      })
    }
  } finally {
    await client.dispose()
  }
  return streams
}
