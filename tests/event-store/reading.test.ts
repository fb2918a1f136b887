import assert from 'node:assert/strict'
import { binaryEvent, EventStoreDBClient } from '@eventstore/db-client'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { testDirectory } from '../support/services.ts'

describe('reading events longer than the window they are read through', () => {
  const sizes = [10, 400_000, 20_000, 8184, 1, 8185, 300_000]
  let server: Awaited<ReturnType<typeof serveEventStore>>
  let client: EventStoreDBClient

  before(async () => {
    server = await serveEventStore({ directory: testDirectory('reading'), port: 0 })
    client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${server.port}?tls=false`)
    for (const [index, size] of sizes.entries()) {
      const event = binaryEvent({ type: 'Sized', data: new Uint8Array(size).fill(index) })
      await client.appendToStream('sized', [event])
    }
  })

  after(async () => {
    await client.dispose()
    await server.close()
  })

  for (const direction of ['forwards', 'backwards'] as const) {
    it(`finds them ${direction}`, async () => {
      const lengths: number[] = []
      const fromRevision = direction === 'forwards' ? 'start' : 'end'
      for await (const { event } of client.readStream('sized', { direction, fromRevision })) {
        lengths.push((event?.data as Uint8Array).length)
      }
      assert.deepEqual(lengths, direction === 'forwards' ? sizes : sizes.toReversed())
    })
  }
})
