import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openStore } from '../storage.ts'

/** Fills a store, then measures in a process of its own what it takes to open it. */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    streams: { type: 'string', default: '10000' },
    open: { type: 'string' },
  },
})

const self = fileURLToPath(import.meta.url)

async function fill(directory: string, events: number, streams: number): Promise<void> {
  const store = await openStore(directory)
  const perAppend = 250
  const data = Buffer.alloc(100, 'x')
  const appends = Math.ceil(events / perAppend)
  let next = 0
  const caller = async () => {
    while (next < appends) {
      const stream = `stream-${next++ % streams}`
      const batch = Array.from({ length: perAppend }, () => ({
        id: randomUUID(),
        type: 'Sampled',
        contentType: 'application/json',
        data,
        metadata: Buffer.alloc(0),
      }))
      const ids = batch.map(({ id }) => id)
      const records = store.encode(stream, batch)
      await store.write({ kind: 'append', stream, expected: 'any', ids, ...records })
    }
  }
  await Promise.all(Array.from({ length: 16 }, caller))
  await store.close()
}

if (values.open === undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'event-store-open-'))
  await fill(directory, Number(values.events), Number(values.streams))
  for (let round = 0; round < 3; round++) {
    await once(fork(self, ['--open', directory]), 'exit')
  }
  await rm(directory, { recursive: true })
} else {
  const start = performance.now()
  const store = await openStore(values.open)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage()
  const megabytes = process.memoryUsage().rss / 1024 / 1024
  console.log(
    `opened up to position ${store.end.toLocaleString('en')} in ${seconds.toFixed(2)} s ` +
      `(${((user + system) / 1e6).toFixed(2)} s of CPU), ${megabytes.toFixed(0)} MB`,
  )
  await store.close()
}
