import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  EventStoreDBClient,
  type JSONEventType,
  jsonEvent,
  type ResolvedEvent,
  type StreamSubscription,
} from '@eventstore/db-client'
import type { serveEventStore } from '../../../src/event-store/serve.ts'
import { testDirectory } from '../../support/test-directory.ts'

export type Serve = typeof serveEventStore

/** A server under test, and a client of it. */
export type Target = {
  client: EventStoreDBClient
  url: string
  close(): Promise<void>
}

/** The server at `EVENTSTORE_URL`, else an embedded store of its own. */
export async function openTarget(serve: Serve): Promise<Target> {
  const given = process.env['EVENTSTORE_URL']
  if (given !== undefined && given !== '') return connect(given, async () => undefined)
  const server = await serve({ directory: testDirectory('event-store'), port: 0 })
  return connect(`esdb://127.0.0.1:${server.port}?tls=false`, () => server.close())
}

function connect(url: string, stop: () => Promise<void>): Target {
  const client = EventStoreDBClient.connectionString(url)
  const close = async () => {
    await client.dispose()
    await stop()
  }
  return { client, url, close }
}

/** One thing that a server must do, told by what a client sees of it. */
export type ContractCase = { name: string; run(target: Target): Promise<void> }

export const newStream = (prefix = 'contract') => `${prefix}-${randomUUID()}`

export type Sampled = JSONEventType<'Sampled', { n: number }>

/** `count` events with the numbers from `first` on. */
export const events = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) =>
    jsonEvent<Sampled>({ type: 'Sampled', data: { n: first + i } }),
  )

/** The number of a sampled event. */
export const numberOf = (event: { data: unknown } | undefined) =>
  (event?.data as { n: number } | undefined)?.n

/** What was read as bytes. */
export const bytesOf = (value: unknown) => {
  assert(value instanceof Uint8Array)
  return value
}

export const revisions = (read: readonly ResolvedEvent[]) =>
  read.map(({ event }) => Number(event?.revision))

export async function collect<T>(read: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of read) all.push(item)
  return all
}

/** Waits for something that must come. Tests end by their time-out if it does not. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}

type Watchable = Pick<StreamSubscription, 'on' | 'unsubscribe'>

/** Writes down all that a subscription tells, in order. */
export class Watch {
  readonly told: string[] = []
  readonly events: ResolvedEvent[] = []
  error: Error | undefined
  private readonly subscription: Watchable

  constructor(subscription: Watchable) {
    this.subscription = subscription
    subscription.on('confirmation', () => this.told.push('confirmed'))
    subscription.on('caughtUp', () => this.told.push('caught up'))
    subscription.on('data', (resolved: ResolvedEvent) => {
      this.events.push(resolved)
      this.told.push(String(resolved.event?.revision ?? 'link'))
    })
    subscription.on('error', (error: Error) => {
      this.error = error
    })
  }

  async caughtUp(): Promise<void> {
    await this.has('caught up')
  }

  async has(what: string): Promise<void> {
    await until(() => this.told.includes(what))
  }

  stop(): Promise<void> {
    return this.subscription.unsubscribe()
  }
}
