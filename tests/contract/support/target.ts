import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AllStreamRecordedEvent,
  type AllStreamResolvedEvent,
  EventStoreDBClient,
  type JSONEventData,
  jsonEvent,
  type ResolvedEvent,
} from '@eventstore/db-client'
import { serveEventStore } from '../../../src/event-store/serve.ts'

/** A server under test, and a client of it. */
export type Target = {
  client: EventStoreDBClient
  url: string
  close(): Promise<void>
}

export type Serve = typeof serveEventStore

/** The server at `EVENTSTORE_URL`, else an embedded store of its own. */
export async function openTarget(serve: Serve = serveEventStore): Promise<Target> {
  const given = process.env['EVENTSTORE_URL']
  if (given !== undefined && given !== '') return connect(given, async () => undefined)
  const directory = await mkdtemp(join(tmpdir(), 'event-store-contract-'))
  const server = await serve({ directory, port: 0 })
  return connect(`esdb://127.0.0.1:${server.port}?tls=false`, async () => {
    await server.close()
    await rm(directory, { recursive: true })
  })
}

function connect(url: string, stop: () => Promise<void>): Target {
  const client = EventStoreDBClient.connectionString(url)
  const close = async () => {
    await client.dispose()
    await stop()
  }
  return { client, url, close }
}

/** One thing that a server must do, told by what a client sees. */
export type ContractCase = { name: string; run(target: Target): Promise<void> }

export const newStream = (prefix = 'contract') => `${prefix}-${randomUUID()}`

type Sample = JSONEventData & { data: { n: number } }

/** `count` events with the numbers from `first` on. */
export const events = (count: number, first = 0): Sample[] =>
  Array.from({ length: count }, (_, i) =>
    jsonEvent({ type: 'Sampled', data: { n: first + i } }),
  ) as Sample[]

export const revisions = (read: readonly ResolvedEvent[]) =>
  read.map(({ event }) => event?.revision)

export async function collect<T>(read: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of read) all.push(item)
  return all
}

export type AllEvent = AllStreamResolvedEvent & { event?: AllStreamRecordedEvent }
