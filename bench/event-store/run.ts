import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EventStoreDBClient } from '@eventstore/db-client'
import { realDisk } from '../../src/event-store/disk/real-disk.ts'
import { appends, batches, reads } from './client.ts'
import { appendsPerSecond, openStore, scansPerSecond } from './storage.ts'
import { timedDisk } from './timed-disk.ts'

const { values } = parseArgs({
  // Run as `npm run bench -- event-store`, its own name is among the arguments.
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    directory: { type: 'string', default: tmpdir() },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)

const median = (numbers: number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

/** Prints the median of some rounds, with the least and the greatest. */
async function measure(name: string, unit: string, work: () => number | Promise<number>) {
  const results: number[] = []
  for (let i = 0; i < rounds; i++) results.push(await work())
  const [low, middle, high] = [Math.min(...results), median(results), Math.max(...results)].map(
    (result) => Math.round(result).toLocaleString('en'),
  )
  console.log(`${name.padEnd(44)} ${middle?.padStart(10)} ${unit.padEnd(10)} (${low} to ${high})`)
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(values.directory, 'event-store-bench-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

await inDirectory(async (directory) => {
  const syncs = { count: 0, waited: 0 }
  const store = await openStore(timedDisk(realDisk(directory), syncs))
  const measureAppends = async (name: string, callers: number, eventsEach: number) => {
    const before = { ...syncs, cpu: process.cpuUsage(), time: performance.now() }
    let done = 0
    await measure(name, 'events/s', async () => {
      const rate = await appendsPerSecond(store, callers, eventsEach, seconds)
      done += rate * seconds
      return rate * eventsEach
    })
    const { user, system } = process.cpuUsage(before.cpu)
    const count = syncs.count - before.count
    const waited = syncs.waited - before.waited
    const share = (waited / (performance.now() - before.time)) * 100
    console.log(
      `  an append took ${((user + system) / done).toFixed(1)} us of CPU; a sync had ` +
        `${(done / count).toFixed(1)} and took ${((waited / count) * 1000).toFixed(0)} us, ` +
        `${share.toFixed(0)} % of the time`,
    )
  }
  await measureAppends('storage: 1 caller', 1, 1)
  await measureAppends('storage: 64 callers', 64, 1)
  await measureAppends('storage: 64 callers, 500 events an append', 64, 500)
  await measure('storage: scan of $all', 'events/s', () => scansPerSecond(store))
  await store.close()
})

await inDirectory(async (directory) => {
  const server = fork(fileURLToPath(new URL('server.js', import.meta.url)), [directory])
  const [port] = await once(server, 'message')
  const client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=false`)
  await measure('client: 1 caller', 'appends/s', () => appends(client, 1, seconds))
  await measure('client: 64 callers', 'appends/s', () => appends(client, 64, seconds))
  await measure('client: batches of 500', 'events/s', () => batches(client, seconds))
  await measure('client: read of $all', 'events/s', () => reads(client, 100_000))
  await client.dispose()
  server.kill('SIGTERM')
  await once(server, 'exit')
})
process.exit()
