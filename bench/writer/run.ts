import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { wholeNumber } from '../parts/whole-number.ts'
import { fillBook, lookupMemory, type Ready, readBook } from './measures.ts'
import { type Bars, toTable } from './table.ts'

/**
 * How much memory a book takes, and how soon its writer is ready. Fills books through a writer, over
 * a real event store and Postgres, and then measures in processes of their own.
 */
const { values } = parseArgs({
  // Run as `npm run bench -- writer`, its own name is among the arguments.
  allowPositionals: true,
  options: {
    accounts: { type: 'string', default: '1000000' },
    transactions: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    measure: { type: 'string' },
    argument: { type: 'string', default: '' },
  },
})

const measures: Readonly<Record<string, (argument: string) => unknown>> = {
  'lookup-memory': lookupMemory,
  fill: fillBook,
  'read-book': readBook,
}

const self = fileURLToPath(import.meta.url)

const inProcess = async <Result>(measure: string, argument: string): Promise<Result> => {
  const child = fork(self, ['--measure', measure, '--argument', argument], {
    execArgv: ['--expose-gc'],
  })
  let result: Result | undefined
  child.on('message', (message) => (result = message as Result))
  const [code] = await once(child, 'exit')
  if (code !== 0 || result === undefined) throw new Error(`${measure} ended with ${code}`)
  return result
}

type Measured = {
  readonly title: string
  readonly id: string
  readonly accounts: number
  readonly batches: number
  readonly bars: Bars
}

/** Fewer are not worth a snapshot, which each book is measured with. */
const limits = { least: 100_000, most: 10_000_000 }
/** Bars are for so many. */
const million = 1_000_000

const toMeasure = (): Measured[] => {
  const accounts = wholeNumber('accounts', values.accounts, limits)
  const transactions = wholeNumber('transactions', values.transactions, limits)
  return [
    {
      title: `a book of ${accounts.toLocaleString('en')} accounts`,
      id: '00000000-0000-8000-8000-00000000000a',
      accounts,
      batches: 0,
      bars: accounts === million ? { ready: '< 5 s', growth: '<= 400 MB' } : {},
    },
    {
      title: `a book of ${transactions.toLocaleString('en')} transactions`,
      id: '00000000-0000-8000-8000-00000000000b',
      accounts: 1_000,
      batches: Math.ceil(transactions / 1_000),
      bars: transactions === million ? { ready: '< 2 s' } : {},
    },
  ]
}

const measureAll = async (): Promise<void> => {
  const rounds = wholeNumber('rounds', values.rounds, { least: 1, most: 100 })
  const books = toMeasure()
  const directory = await mkdtemp(join(tmpdir(), 'daybook-bench-writer-'))
  const store = await serveEventStore({ directory: join(directory, 'store'), port: 0 })
  const postgres = await startPostgres({
    directory: join(directory, 'postgres'),
    logFile: join(directory, 'postgres.log'),
    durable: false,
  })
  try {
    for (const window of ['100000', '1000000000']) {
      console.log(await inProcess<string>('lookup-memory', window))
    }
    const eventStore = `esdb://127.0.0.1:${store.port}?tls=false`
    for (const { title, bars, ...book } of books) {
      const argument = JSON.stringify({ eventStore, postgres: postgres.url, ...book })
      console.log(await inProcess<string>('fill', argument))
      const samples: Ready[] = []
      for (let round = 0; round < rounds; round++) {
        samples.push(await inProcess<Ready>('read-book', argument))
      }
      console.log(`\n${toTable(title, samples, bars)}\n`)
    }
  } finally {
    await postgres.stop()
    await store.close()
    await rm(directory, { recursive: true })
  }
}

if (values.measure === undefined) {
  await measureAll()
  process.exit()
}
const result = await measures[values.measure]?.(values.argument)
process.send?.(result, () => process.exit())
