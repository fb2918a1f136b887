import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './http.ts'
import { revisionOf } from './journal.ts'

/** Writes and reads through each API, all the time, to see when Daybook serves again. */
export type Probes = {
  /** Looks closely from now on, until what this returns is called. */
  readonly watch: () => () => void
  /** Resolves with the time at which all had first done so after `since`, or null past the limit. */
  readonly servedSince: (since: number, limitMs: number) => Promise<number | null>
  readonly stop: () => Promise<void>
}

/** Often while somebody waits for the outcome, seldom else. */
const everyMs = { awaited: 200, idle: 1_000 }
const maxAtOnce = 40
const probeMs = 4_000

const writeAndRead = async (client: Client, bookId: string, api: number): Promise<boolean> => {
  const body = {
    metadata: { probe: 'yes' },
    entries: [
      { account: 'a:6', direction: 'credit', amount: '1' },
      { account: 'a:7', direction: 'debit', amount: '1' },
    ],
  }
  const path = `/v1/books/${bookId}`
  const written = await client.send(
    api,
    {
      method: 'POST',
      path: `${path}/transactions`,
      headers: { 'Idempotency-Key': randomUUID() },
      body,
    },
    probeMs,
  )
  const revision = written.answer?.status === 201 ? revisionOf(written.answer) : null
  if (revision === null) return false
  const headers = { 'Daybook-Min-Revision': String(revision) }
  const address = `${path}/accounts/a:7`
  const read = await client.send(api, { method: 'GET', path: address, headers }, probeMs)
  return read.answer?.status === 200
}

const tries = 9

/** How long it takes, at the median, until a write through each API is seen in each book. */
export const measureVisible = async (
  client: Client,
  bookIds: readonly string[],
): Promise<Record<string, number>> => {
  const medians: Record<string, number> = {}
  for (const [number, bookId] of bookIds.entries()) {
    for (let api = 0; api < client.apis; api++) {
      const times: number[] = []
      for (let attempt = 0; attempt < tries; attempt++) {
        const start = Date.now()
        await writeAndRead(client, bookId, api)
        times.push(Date.now() - start)
        await sleep(100)
      }
      times.sort((a, b) => a - b)
      medians[`book ${number} through api-${api + 1}`] = times[tries >> 1] as number
    }
  }
  return medians
}

export const startProbes = (client: Client, bookId: string): Probes => {
  const successes = Array.from({ length: client.apis }, (): number[] => [])
  const running = new Set<Promise<void>>()
  let isStopping = false
  let awaited = 0

  const probe = async (api: number): Promise<void> => {
    if (await writeAndRead(client, bookId, api)) successes[api]?.push(Date.now())
  }

  const run = async (): Promise<void> => {
    while (!isStopping) {
      for (let api = 0; api < client.apis; api++) {
        if (running.size >= maxAtOnce) break
        const one: Promise<void> = probe(api).finally(() => running.delete(one))
        running.add(one)
      }
      const next = Date.now() + everyMs.idle
      await sleep(everyMs.awaited)
      while (awaited === 0 && !isStopping && Date.now() < next) await sleep(20)
    }
    await Promise.all(running)
  }
  const done = run()

  const watch = () => {
    awaited++
    return () => {
      awaited--
    }
  }
  const firstSince = (since: number) =>
    successes.map((times) => times.find((time) => time >= since) ?? null)

  return {
    watch,
    servedSince: async (since, limitMs) => {
      const unwatch = watch()
      try {
        while (Date.now() < since + limitMs) {
          const times = firstSince(since)
          if (times.every((time) => time !== null)) return Math.max(...times)
          await sleep(10)
        }
        return null
      } finally {
        unwatch()
      }
    },
    stop: async () => {
      isStopping = true
      await done
    },
  }
}
