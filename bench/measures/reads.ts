import type { LocalServer } from '../../src/local/child.ts'
import { loadOf } from '../load/ask-load.ts'
import type { Asked } from '../load/requests.ts'
import { untilFolded } from '../parts/book.ts'
import type { Bench, Contender, Measure } from './measure.ts'

const measureMs = 1_000

const contender = (
  { stack }: Bench,
  name: string,
  server: LocalServer,
  load: { readonly clients: number; readonly asked: Asked },
): Contender => ({
  name,
  run: async (profile) => {
    const full = { ...load, ms: measureMs }
    const { perSecond, p50, p99, cores } = await loadOf(stack, server, full, profile)
    return { rate: perSecond, p50, p99, cores }
  },
})

/** Accounts that were asked for before and have not changed since. */
export const cachedReads: Measure = {
  name: 'cached',
  title: 'cached read of an account, 64 clients',
  unit: 'requests/s',
  bar: 0.7,
  prepare: async (bench) => {
    const { stack, book } = bench
    const { id, accounts } = book
    const load = {
      clients: 64,
      asked: { kind: 'account', token: stack.token, bookId: id, accounts },
    } as const
    await untilFolded(stack, book)
    await readEach(bench)
    const bare = await bench.yardstick(0)
    const ours = [contender(bench, 'Daybook', stack.servers['api'] as LocalServer, load)]
    const { against } = stack.servers
    if (against) ours.push(contender(bench, 'other build', against, load))
    return {
      ours,
      yardsticks: [contender(bench, 'bare Koa route, same token', bare, load)],
    }
  },
}

const atOnce = 20

/** Puts every account into the cache. */
const readEach = async ({ stack, book }: Bench): Promise<void> => {
  const { accounts, id } = book
  const headers = { authorization: `Bearer ${stack.token}` }
  const base = `${stack.servers['api']?.url}/v1/books/${id}/accounts`
  for (let from = 0; from < accounts.length; from += atOnce) {
    const some = accounts.slice(from, from + atOnce)
    await Promise.all(
      some.map(async (account) => (await fetch(`${base}/${account}`, { headers })).text()),
    )
  }
}
