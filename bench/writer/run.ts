import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { fillBook, lookupMemory, readBook } from './measures.ts'

/**
 * How much memory a book takes, and how soon its writer is ready. Fills books through a writer, over
 * a real event store and Postgres, and then measures in processes of their own.
 */
const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '1000000' },
    transactions: { type: 'string', default: '1000000' },
    measure: { type: 'string' },
    argument: { type: 'string', default: '' },
  },
})

const self = fileURLToPath(import.meta.url)

const measures: Readonly<Record<string, (argument: string) => Promise<string> | string>> = {
  'lookup-memory': lookupMemory,
  fill: fillBook,
  'read-book': readBook,
}

const inProcess = async (measure: string, argument: string): Promise<void> => {
  const child = fork(self, ['--measure', measure, '--argument', argument], {
    execArgv: ['--expose-gc'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${measure} ended with ${code}`)
}

/** Fewer are not worth a snapshot, which each book is measured with. */
const least = 100_000
if (Number(values.accounts) < least || Number(values.transactions) < least) {
  console.error(`Measure with ${least} accounts and transactions at least.`)
  process.exit(1)
}

if (values.measure === undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-bench-writer-'))
  const store = await serveEventStore({ directory: join(directory, 'store'), port: 0 })
  const postgres = await startPostgres({
    directory: join(directory, 'postgres'),
    logFile: join(directory, 'postgres.log'),
    durable: false,
  })
  try {
    for (const window of ['100000', '1000000000']) await inProcess('lookup-memory', window)
    const services = {
      eventStore: `esdb://127.0.0.1:${store.port}?tls=false`,
      postgres: postgres.url,
    }
    const books = [
      { id: '00000000-0000-8000-8000-00000000000a', accounts: Number(values.accounts), batches: 0 },
      {
        id: '00000000-0000-8000-8000-00000000000b',
        accounts: 1_000,
        batches: Number(values.transactions) / 1_000,
      },
    ]
    for (const book of books) {
      const argument = JSON.stringify({ ...services, ...book })
      await inProcess('fill', argument)
      for (let round = 0; round < 3; round++) await inProcess('read-book', argument)
    }
  } finally {
    await postgres.stop()
    await store.close()
    await rm(directory, { recursive: true })
  }
} else {
  console.log(await measures[values.measure]?.(values.argument))
  process.exit()
}
