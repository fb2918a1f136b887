import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { percentile } from '../statistics.ts'

export type Watched = {
  readonly databaseUrl: string
  readonly bookId: string
  /** Of the projection. */
  readonly schema: string
}

/** From the answer to a command until its event could be seen in the read model. */
export type Lag = {
  readonly p50: number
  readonly p99: number
  /** From the first answer until the last event could be seen. */
  readonly seconds: number
  /** Events that became visible, per second, over that time. */
  readonly perSecond: number
}

const pollMs = 4
const patience = 60_000

/** Polls the checkpoint, and notes what has become visible each time. */
export const watchLag = async ({ databaseUrl, bookId, schema }: Watched) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const acknowledgedAt = new Map<number, number>()
  const lags: number[] = []
  let first = Number.POSITIVE_INFINITY
  let lastSeen = 0
  let count = 0
  let isOver = false

  const look = async () => {
    const { rows } = await client.query({
      name: 'checkpoint',
      text: `select revision::int from ${schema}.checkpoint where book_id = $1`,
      values: [bookId],
    })
    const now = performance.now()
    const revision: number = rows[0]?.revision ?? -1
    for (const [one, at] of acknowledgedAt) {
      if (one > revision) continue
      acknowledgedAt.delete(one)
      lags.push(now - at)
      lastSeen = now
    }
  }
  const polling = (async () => {
    while (!isOver) {
      await look()
      await sleep(pollMs)
    }
  })()

  return {
    acknowledged: (revision: number, at: number) => {
      if (acknowledgedAt.has(revision)) return
      acknowledgedAt.set(revision, at)
      first = Math.min(first, at)
      count++
    },
    caughtUp: async (): Promise<Lag> => {
      const giveUp = performance.now() + patience
      while (acknowledgedAt.size > 0 && performance.now() < giveUp) await sleep(pollMs)
      isOver = true
      await polling
      await client.end()
      if (acknowledgedAt.size > 0) throw new Error(`not visible after ${patience / 1000} s`)
      lags.sort((a, b) => a - b)
      const seconds = (lastSeen - first) / 1000
      const perSecond = count / seconds
      return { p50: percentile(lags, 0.5), p99: percentile(lags, 0.99), seconds, perSecond }
    },
  }
}
