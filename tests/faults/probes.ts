import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './http.ts'
import { revisionOf } from './journal.ts'

/** Writes and reads through each API, all the time, to see when Daybook serves again. */
export type Probes = {
  /** Looks closely from now on, until what this returns is called. */
  readonly watch: () => () => void
  /** Resolves with the time at which both had first done so after `since`, or null past the limit. */
  readonly servedSince: (since: number, limitMs: number) => Promise<number | null>
  readonly stop: () => Promise<void>
}

/** Often while somebody waits for the outcome, seldom else. */
const everyMs = { awaited: 200, idle: 1_000 }
const maxAtOnce = 40
const probeMs = 4_000

export const startProbes = (client: Client, bookId: string): Probes => {
  const successes: [number[], number[]] = [[], []]
  const running = new Set<Promise<void>>()
  let isStopping = false
  let awaited = 0

  const probe = async (api: 0 | 1): Promise<void> => {
    const body = {
      metadata: { probe: 'yes' },
      entries: [
        { account: 'a:6', direction: 'credit', amount: '1' },
        { account: 'a:7', direction: 'debit', amount: '1' },
      ],
    }
    const written = await client.send(
      api,
      {
        method: 'POST',
        path: `/v1/books/${bookId}/transactions`,
        headers: { 'Idempotency-Key': randomUUID() },
        body,
      },
      probeMs,
    )
    const revision = written.answer?.status === 201 ? revisionOf(written.answer) : null
    if (revision === null) return
    const read = await client.send(
      api,
      {
        method: 'GET',
        path: `/v1/books/${bookId}/accounts/a:7`,
        headers: { 'Daybook-Min-Revision': String(revision) },
      },
      probeMs,
    )
    if (read.answer?.status === 200) successes[api].push(Date.now())
  }

  const run = async (): Promise<void> => {
    while (!isStopping) {
      for (const api of [0, 1] as const) {
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
          const [first, second] = firstSince(since)
          if (first && second) return Math.max(first, second)
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
