import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'

const event = () => jsonEvent({ type: 'Sampled', data: { padding: 'x'.repeat(200) } })

/** Appends a second through the client, by so many callers with a stream each. */
export async function appends(
  client: EventStoreDBClient,
  callers: number,
  seconds: number,
): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  const caller = async (i: number) => {
    while (performance.now() < end) {
      await client.appendToStream(`bench-${i}`, event())
      done++
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)))
  return (done / (performance.now() - start)) * 1000
}

/** Events a second through the client, in batches of 500 by four callers. */
export async function batches(client: EventStoreDBClient, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  const caller = async (i: number) => {
    while (performance.now() < end) {
      await client.appendToStream(`batch-${i}`, Array.from({ length: 500 }, event))
      done += 500
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: 4 }, (_, i) => caller(i)))
  return (done / (performance.now() - start)) * 1000
}

/** Events a second that one reader of `$all` gets. */
export async function reads(client: EventStoreDBClient, count: number): Promise<number> {
  const start = performance.now()
  let events = 0
  for await (const _ of client.readAll({ maxCount: count })) events++
  return (events / (performance.now() - start)) * 1000
}
