import type { LocalServer } from '../../src/local/child.ts'
import { type Loaded, loadOf } from '../load/ask-load.ts'
import type { Asked } from '../load/requests.ts'
import { type Book, ledgerSchema, openBook, untilFolded } from '../parts/book.ts'
import type { Bench, Contender, Measure, Sample } from './measure.ts'

const measureMs = 1_200
/**
 * Longer: the wait for the last rows would count for much of it, and as a page shows hundreds of posts
 * at once, the hundredth part that is latest would be one page.
 */
const keepingUpMs = 8_000
const batchSize = 1_000

type Commands = {
  readonly clients: number
  /** Transactions a request. */
  readonly each: number
  /** Whether the projector may fall behind meanwhile. */
  readonly mayLag: boolean
  readonly asked: (token: string, book: Book) => Asked
}

const sampleOf = ({ perSecond, p50, p99, cores }: Loaded, each: number): Sample => ({
  rate: perSecond * each,
  p50,
  p99,
  cores,
})

/** Unless it may lag, the rate counts until all can be seen in the read model. */
const withProjector = (bench: Bench, { clients, each, mayLag, asked }: Commands): Contender => ({
  name: mayLag ? 'Daybook, projector running' : 'Daybook, projector keeping up',
  run: async (profile) => {
    const { stack, book } = bench
    const watched = { databaseUrl: stack.databaseUrl, bookId: book.id, schema: ledgerSchema }
    const ms = mayLag ? measureMs : keepingUpMs
    const load = { clients, ms, asked: asked(stack.token, book), watched }
    const loaded = await loadOf(stack, stack.servers['api'] as LocalServer, load, profile)
    const { lag } = loaded
    if (!lag) throw new Error('the lag was not watched')
    const sample = sampleOf(loaded, each)
    return { ...sample, rate: mayLag ? sample.rate : lag.perSecond * each, lag }
  },
})

const withoutProjector = (
  bench: Bench,
  { clients, each, asked }: Commands,
  name: string,
  api: string,
): Contender => ({
  name,
  run: async (profile) => {
    const { stack, book } = bench
    const worker = stack.servers['worker']?.child.process
    worker?.kill('SIGSTOP')
    try {
      const server = stack.servers[api] as LocalServer
      const load = { clients, ms: measureMs, asked: asked(stack.token, book) }
      return sampleOf(await loadOf(stack, server, load, profile), each)
    } finally {
      worker?.kill('SIGCONT')
      await untilFolded(stack, book)
    }
  },
})

const plain = async (
  bench: Bench,
  { clients, each, asked }: Commands,
  pool: 8 | 32,
): Promise<Contender> => {
  const server = await bench.yardstick(pool)
  const { token } = bench.stack
  const load = { clients, ms: measureMs, asked: asked(token, bench.book) }
  return {
    name: `plain Postgres, pool of ${pool}`,
    run: async (profile) => sampleOf(await loadOf(bench.stack, server, load, profile), each),
  }
}

const prepare = (commands: Commands) => async (bench: Bench) => {
  const { servers } = bench.stack
  const ours = [
    withProjector(bench, commands),
    withoutProjector(bench, commands, 'Daybook, projector stopped', 'api'),
  ]
  if (servers['against']) {
    // Of a book that it writes itself: those of the other API it would hand on.
    const its = { ...bench, book: await openBook(bench.stack, 'against') }
    ours.push(withoutProjector(its, commands, 'other build, projector stopped', 'against'))
  }
  return { ours, yardsticks: [await plain(bench, commands, 8), await plain(bench, commands, 32)] }
}

const singles = (name: string, who: string, hotShare: number, bar: number): Measure => ({
  name,
  title: `single posts, 64 clients, ${who}`,
  unit: 'transactions/s',
  bar,
  prepare: prepare({
    clients: 64,
    each: 1,
    mayLag: false,
    asked: (token, { id, accounts }) => {
      return { kind: 'single', hotShare, token, bookId: id, accounts }
    },
  }),
})

export const singlePosts = singles('single', 'random accounts', 0, 2)
export const hotPosts = singles('hot', 'one account in all', 1, 3)
export const halfHotPosts = singles('hot-half', 'one account in half of them', 0.5, 3)

export const batches: Measure = {
  name: 'batch',
  title: 'batches of 1,000, 4 clients',
  unit: 'transactions/s',
  bar: 2.5,
  prepare: prepare({
    clients: 4,
    each: batchSize,
    mayLag: true,
    asked: (token, { id, accounts }) => {
      return { kind: 'batch', size: batchSize, token, bookId: id, accounts }
    },
  }),
}
