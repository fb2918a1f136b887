import { execFileSync, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { realDisk } from '../../../src/event-store/disk/real-disk.ts'
import { openStore } from '../storage.ts'

/** Fills a store, then measures in processes of their own what it takes to open it, warm and cold. */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    streams: { type: 'string', default: '10000' },
    open: { type: 'string' },
    name: { type: 'string', default: 'warm' },
  },
})

const self = fileURLToPath(import.meta.url)

async function fill(directory: string, events: number, streams: number): Promise<void> {
  const store = await openStore(realDisk(directory))
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

/** Has the operating system forget what it keeps of the files: `dd` asks for that, reading nothing. */
function makeCold(directory: string): void {
  for (const name of readdirSync(directory)) {
    execFileSync('dd', [`if=${join(directory, name)}`, 'iflag=nocache', 'count=0', 'status=none'])
  }
}

/** How long this process was ready to run and had no core. Linux tells. */
function secondsWithoutCore(): number {
  const [, waited] = readFileSync('/proc/self/schedstat', 'utf8').split(' ')
  return Number(waited) / 1e9
}

async function open(directory: string, name: string): Promise<void> {
  const cpuBefore = process.cpuUsage()
  const waitedBefore = secondsWithoutCore()
  const readBefore = process.resourceUsage().fsRead
  const start = performance.now()
  const store = await openStore(realDisk(directory))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const waited = secondsWithoutCore() - waitedBefore
  const read = ((process.resourceUsage().fsRead - readBefore) * 512) / 1024 / 1024
  const resident = process.memoryUsage().rss / 1024 / 1024
  console.log(
    `${name}: ${(store.end / 1024 / 1024).toFixed(0)} MB of log open in ${seconds.toFixed(2)} s ` +
      `(${((user + system) / 1e6).toFixed(2)} s of CPU, ${waited.toFixed(2)} s without a core), ` +
      `${read.toFixed(0)} MB read from the disk, ${resident.toFixed(0)} MB resident`,
  )
  await store.close()
}

if (values.open === undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'event-store-open-'))
  await fill(directory, Number(values.events), Number(values.streams))
  for (const name of ['warm', 'warm', 'warm', 'cold', 'cold', 'cold']) {
    if (name === 'cold') makeCold(directory)
    await once(fork(self, ['--open', directory, '--name', name]), 'exit')
  }
  await rm(directory, { recursive: true })
} else {
  await open(values.open, values.name)
}
