import assert from 'node:assert/strict'
import { type EventStoreDBClient, WrongExpectedVersionError } from '@eventstore/db-client'
import { collect } from './target.ts'

/** Both ways to append: the client takes the plain one as soon as it is given credentials. */
export const ways = {
  batch: {},
  single: { credentials: { username: 'admin', password: 'changeit' } },
} as const

export type Way = (typeof ways)[keyof typeof ways]

export async function refused(
  append: Promise<unknown>,
  expected: bigint | string,
  actual: bigint | string,
): Promise<void> {
  await assert.rejects(append, (error) => {
    assert(error instanceof WrongExpectedVersionError, String(error))
    assert.equal(error.expectedVersion, expected)
    assert.equal(error.actualVersion, actual)
    return true
  })
}

export const lengthOf = async (client: EventStoreDBClient, stream: string) =>
  (await collect(client.readStream(stream))).length
