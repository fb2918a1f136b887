import assert from 'node:assert/strict'
import { withinCapacity } from '../../src/commands/capacity.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { recordTransactions } from '../../src/commands/record-transactions.ts'
import { Rejected } from '../../src/domain/rejection.ts'
import { idSource, receivedOf } from '../support/received.ts'

const nextId = idSource()
const of = (bytes: number): Received => ({
  ...receivedOf(recordTransactions, { transactions: [], atomic: true }, { nextId }),
  bytes,
})

/** A submit that answers when it is told to, behind a capacity. */
const setUp = (commands: number, bytes: number) => {
  const waiting: (() => void)[] = []
  const submit = withinCapacity(
    () =>
      new Promise((_, reject) => {
        waiting.push(() => reject(new Error('answered')))
      }),
    { commands, bytes },
  )
  const send = (size: number): Promise<string> =>
    submit(of(size)).then(String, (error: Error) =>
      error instanceof Rejected ? error.rejection.code : error.message,
    ) as Promise<Outcome & string>
  return { send, answerOne: () => waiting.shift()?.(), taken: () => waiting.length }
}

describe('the capacity of a process', () => {
  it('is a number of commands', async () => {
    const { send, answerOne, taken } = setUp(2, 1_000)
    const first = [send(1), send(1)]
    assert.equal(await send(1), 'overloaded')
    answerOne()
    assert.equal(await first[0], 'answered')
    void send(1)
    assert.equal(taken(), 2)
  })

  it('is a number of bytes', async () => {
    const { send, answerOne, taken } = setUp(100, 1_000)
    const first = [send(600), send(400)]
    assert.equal(await send(1), 'overloaded')
    answerOne()
    assert.equal(await first[0], 'answered')
    assert.equal(await send(601), 'overloaded')
    void send(600)
    assert.equal(taken(), 2)
  })

  it('is enough for any one command, however large', async () => {
    const { send, answerOne } = setUp(100, 1_000)
    const large = send(5_000)
    assert.equal(await send(1), 'overloaded')
    answerOne()
    assert.equal(await large, 'answered')
  })
})
