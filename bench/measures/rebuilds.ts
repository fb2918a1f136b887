import type { LocalServer } from '../../src/local/child.ts'
import { type Book, ledgerSchema } from '../parts/book.ts'
import { observe, observed } from '../parts/observe.ts'
import { ask } from '../parts/task.ts'
import { pagedEvents } from '../rebuild/fold-pages.ts'
import type { Rebuild } from '../rebuild.ts'
import type { Bench, Contender, Measure } from './measure.ts'

const usual = 60_000
const size = 1_000

const contender = (
  { stack }: Bench,
  name: string,
  { id }: Book,
  how: Rebuild['how'],
  transactions: number,
): Contender => ({
  name,
  run: async (profile) => {
    const rebuilder =
      stack.servers['rebuild'] ??
      (await stack.start('rebuild', [new URL('../rebuild.js', import.meta.url).pathname]))
    const task: Rebuild = { how, bookId: id }
    const { result: seconds, cores } = await observe(observed(stack, profile), () =>
      ask<Rebuild, number>(rebuilder as LocalServer, task),
    )
    return { rate: transactions / seconds, cores }
  },
})

const count = async ({ stack }: Bench, { id }: Book): Promise<number> => {
  const { rows } = await stack.pool.query<{ count: string }>(
    `select count(*) from ${ledgerSchema}.transaction where book_id = $1`,
    [id],
  )
  return Number(rows[0]?.count)
}

export const rebuildOfSingles: Measure = {
  name: 'rebuild',
  title: 'rebuild from a log of single posts',
  unit: 'transactions/s',
  bar: 1.3,
  prepare: async (bench) => {
    const book = await bench.single()
    const transactions = await count(bench, book)
    return {
      ours: [contender(bench, 'Daybook', book, 'rebuild', transactions)],
      yardsticks: [contender(bench, 'straightforward projector', book, 'plainly', transactions)],
    }
  },
}

export const rebuildOfBatches: Measure = {
  name: 'rebuild-batched',
  title: 'rebuild from a log of batches',
  unit: 'transactions/s',
  bar: 0.5,
  prepare: async (bench) => {
    const batches = Math.ceil((bench.transactions ?? usual) / size)
    const book = await bench.batched(batches, size)
    const transactions = await count(bench, book)
    return {
      ours: [contender(bench, 'Daybook', book, 'rebuild', transactions)],
      yardsticks: [contender(bench, 'COPY of the rows, then indexes', book, 'copy', transactions)],
    }
  },
}

/** What a page costs before its first event: the worker's time goes there while few come at once. */
export const smallPages: Measure = {
  name: 'pages',
  title: 'live fold of single posts, in small pages',
  unit: 'events/s',
  bar: 0.25,
  prepare: async (bench) => {
    const book = await bench.single()
    const paged = (size: number) => contender(bench, `pages of ${size}`, book, size, pagedEvents)
    return { ours: [paged(30), paged(100)], yardsticks: [paged(1_000)] }
  },
}
