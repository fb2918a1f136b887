import assert from 'node:assert/strict'
import {
  type EventStoreDBClient,
  jsonEvent,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { numberOf } from '../contract/support/target.ts'
import { testDirectory } from '../support/test-directory.ts'
import { Random } from './support/random.ts'
import { startServer } from './support/server-child.ts'

const KILLS = Number(process.env['KILLS'] ?? 20)
const WRITERS = 8

/** A writer knows what was acknowledged, and which append it has had no answer to. */
type Writer = {
  stream: string
  acknowledged: number
  inDoubt: ReturnType<typeof sample>[] | undefined
}

const sample = (n: number) => jsonEvent({ type: 'Sampled', data: { n } })

describe(`a server killed ${KILLS} times under load`, function () {
  this.timeout(KILLS * 10_000)
  it('has all it acknowledged, in order and once, and settles what was in doubt', async () => {
    const directory = testDirectory('kill')
    const random = new Random(20)
    const writers: Writer[] = Array.from({ length: WRITERS }, (_, i) => ({
      stream: `writer-${i}`,
      acknowledged: 0,
      inDoubt: undefined,
    }))
    for (let kill = 0; kill < KILLS; kill++) {
      const server = await startServer(directory)
      for (const writer of writers) await settle(server.client, writer)
      let left = random.below(150)
      const enough = new Promise<void>((resolve) => {
        const onAnswer = () => left-- === 0 && resolve()
        for (const writer of writers) void write(server.client, writer, random, onAnswer)
      })
      await enough
      await server.end('SIGKILL')
    }
    const server = await startServer(directory)
    for (const writer of writers) await settle(server.client, writer)
    assert.equal(await server.end('SIGTERM'), 0)
  })
})

/** Appends one group after the other until the server is gone. */
async function write(
  client: EventStoreDBClient,
  writer: Writer,
  random: Random,
  onAnswer: () => void,
): Promise<void> {
  for (;;) {
    const { stream, acknowledged } = writer
    const count = 1 + random.below(5)
    writer.inDoubt = Array.from({ length: count }, (_, i) => sample(acknowledged + i))
    const expectedRevision = acknowledged === 0 ? 'no_stream' : BigInt(acknowledged - 1)
    try {
      await client.appendToStream(stream, writer.inDoubt, { expectedRevision })
    } catch (error) {
      assert(!(error instanceof WrongExpectedVersionError), String(error))
      return
    }
    writer.acknowledged += count
    writer.inDoubt = undefined
    onAnswer()
  }
}

/** Compares what is there with what was answered, and asks again for what was not answered. */
async function settle(client: EventStoreDBClient, writer: Writer): Promise<void> {
  const { stream, acknowledged, inDoubt } = writer
  const before = await numbers(client, stream)
  const doubtful = inDoubt?.length ?? 0
  assert(
    [acknowledged, acknowledged + doubtful].includes(before.length),
    `${stream}: ${before.length}`,
  )
  if (inDoubt !== undefined) {
    const expectedRevision = acknowledged === 0 ? 'no_stream' : BigInt(acknowledged - 1)
    const result = await client.appendToStream(stream, inDoubt, { expectedRevision })
    writer.acknowledged += doubtful
    assert.equal(result.nextExpectedRevision, BigInt(writer.acknowledged - 1))
    writer.inDoubt = undefined
  }
  const expected = Array.from({ length: writer.acknowledged }, (_, i) => i)
  assert.deepEqual(await numbers(client, stream), expected)
}

async function numbers(client: EventStoreDBClient, stream: string): Promise<number[]> {
  const read: number[] = []
  try {
    for await (const { event } of client.readStream(stream)) {
      read.push(numberOf(event) ?? -1)
    }
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error
  }
  return read
}
