import { mkdirSync, rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { LocalServer } from '../src/local/child.ts'
import { readsBesideRebuild, writesBesideRebuild } from './measures/beside-rebuild.ts'
import { batches, halfHotPosts, hotPosts, singlePosts } from './measures/commands.ts'
import type { Bench, Measure } from './measures/measure.ts'
import { pagesOfAccounts, pagesOfStatements, pagesOfTransactions } from './measures/pages.ts'
import { cachedReads } from './measures/reads.ts'
import { rebuildOfBatches, rebuildOfSingles, smallPages } from './measures/rebuilds.ts'
import { type Book, batchedBook, openBook, singleBook } from './parts/book.ts'
import { summarize } from './parts/profile-summary.ts'
import { startStack } from './parts/stack.ts'
import { wholeNumber } from './parts/whole-number.ts'
import { plainHistory, plainSchema } from './plain/schema.ts'
import { type Result, runRounds } from './rounds.ts'
import { toTable } from './table.ts'

// The event store alone, and a book's writer, start what they need. They end the process themselves.
if (process.argv[2] === 'event-store') await import('./event-store/run.ts')
if (process.argv[2] === 'writer') await import('./writer/run.ts')

const measures: readonly Measure[] = [
  singlePosts,
  hotPosts,
  batches,
  cachedReads,
  pagesOfTransactions,
  pagesOfStatements,
  rebuildOfSingles,
  rebuildOfBatches,
]
/**
 * Taken only where they are named: what is taken without them is to take six minutes. Those beside a
 * rebuild come last, for it drops the build that the others look at.
 */
const onDemand: readonly Measure[] = [
  halfHotPosts,
  pagesOfAccounts,
  smallPages,
  writesBesideRebuild,
  readsBesideRebuild,
]
const historySize = 100_000

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    'cpu-prof': { type: 'boolean', default: false },
    against: { type: 'string' },
    transactions: { type: 'string' },
  },
})
const all = [...measures, ...onDemand]
const unknown = positionals.filter((name) => !all.some((one) => one.name === name))
if (unknown.length > 0) {
  const names = all.map(({ name }) => name).join(', ')
  console.error(`There is no measure ${unknown.join(', ')}. There are: ${names}`)
  process.exit(1)
}
const chosen =
  positionals.length === 0 ? measures : all.filter(({ name }) => positionals.includes(name))
const rounds = wholeNumber('rounds', options.rounds, { least: 1, most: 1_000 })
const transactions =
  options.transactions === undefined
    ? null
    : wholeNumber('transactions', options.transactions, { least: 10_000, most: 5_000_000 })
const profiles = options['cpu-prof'] ? resolve('profiles') : null
if (profiles) {
  rmSync(profiles, { recursive: true, force: true })
  mkdirSync(profiles, { recursive: true })
}

const started = performance.now()
const stack = await startStack({
  against: options.against ? resolve(options.against) : null,
  profiles,
})
const results: Result[] = []
try {
  await stack.startWorker()
  const book = await openBook(stack)
  const yardsticks = new Map<number, Promise<LocalServer>>()
  let tables: Promise<void> | undefined
  const batched = new Map<number, Promise<Book>>()
  let single: Promise<Book> | undefined
  const bench: Bench = {
    stack,
    book,
    transactions,
    batched: (count, size) => {
      const making = batched.get(count) ?? batchedBook(stack, count, size)
      batched.set(count, making)
      return making
    },
    single: () => (single ??= singleBook(stack, transactions)),
    yardstick: async (pool) => {
      tables ??= preparePlain(bench)
      await tables
      const known = yardsticks.get(pool)
      if (known) return known
      const script = [new URL('./yardstick.js', import.meta.url).pathname]
      const starting = stack.start(`plain-${pool}`, script, { POOL: String(pool) })
      yardsticks.set(pool, starting)
      return starting
    },
  }
  for (const measure of chosen) {
    const began = performance.now()
    console.error(`${measure.title} ...`)
    const prepared = await measure.prepare(bench)
    const result = await runRounds(measure, prepared, rounds)
    results.push(result)
    const took = Math.round((performance.now() - began) / 1000)
    console.error(`${toTable([result])}\n(${took} s)`)
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await stack.close()
}

async function preparePlain({ stack: { pool }, book }: Bench): Promise<void> {
  await pool.query(plainSchema)
  await pool.query(
    `insert into plain.account (id, book_id, type, currency, min_balance)
     select id, $1, case when n % 2 = 1 then 'asset' else 'liability' end, 'EUR', -99999999999999
     from unnest($2::uuid[]) with ordinality as account(id, n)`,
    [book.id, book.accounts],
  )
  await pool.query(plainHistory[0], [book.id, historySize])
  await pool.query(plainHistory[1], [book.accounts])
  await pool.query('vacuum analyze plain.account, plain.transaction, plain.entry')
}

if (profiles) console.log(summarize(profiles))
const seconds = Math.round((performance.now() - started) / 1000)
const [cpu] = cpus()
const machine = `${cpus().length} x ${cpu?.model.trim()}, Node ${process.version}`
const date = new Date().toISOString().slice(0, 10)
if (options.json) console.log(JSON.stringify({ machine, date, seconds, results }, null, 2))
else console.log(`\n${toTable(results)}\n\n${machine}, ${date}, ${seconds} s`)
