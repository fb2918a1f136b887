import { randomUUID } from 'node:crypto'
import type { LocalServer } from '../../src/local/child.ts'
import { cursorSigner, paging } from '../../src/queries/page.ts'
import { loadOf } from '../load/ask-load.ts'
import { type Book, ledgerSchema } from '../parts/book.ts'
import type { Stack } from '../parts/stack.ts'
import type { PageByHand } from '../plain/pages.ts'
import type { Contender, Measure } from './measure.ts'

const measureMs = 1_000
/** The first round: what is asked a few thousand times is compiled by then, on either side. */
const warmMs = 4_000
/** More than are asked for in a round, so that none is asked for twice. */
const distinct = 10_000
/** So many pages are compared with those by hand before anything is measured. */
const compared = 50
const batches = 60
const size = 1_000

/** What the yardstick is told of where a page begins. */
type Place = readonly (string | number)[]
type Row = Readonly<Record<string, unknown>>

type List = {
  readonly byHand: PageByHand
  /** At random, out of the book's sixty thousand transactions or thousand accounts. */
  readonly places: (stack: Stack, book: Book) => Promise<Place[]>
  /** The list below the book, what its cursors are bound to, and their key. */
  readonly at: (
    book: Book,
    place: Place,
  ) => { readonly path: string; readonly shape: object; readonly key: Place }
  /** What both answers must say of a row. */
  readonly rowOf: (row: Row) => unknown
}

const below = (limit: number): number => Math.floor(Math.random() * limit)

const transactions: List = {
  byHand: 'transactions',
  places: async () => Array.from({ length: distinct }, () => [2 + below(batches), below(size)]),
  at: ({ id: book }, key) => {
    const shape = { list: 'transactions', book, sort: '-created_at', filters: {} }
    return { path: 'transactions', shape, key }
  },
  rowOf: ({ id }) => id,
}

/** After entries that at least a whole page follows. */
const statement: List = {
  byHand: 'statement',
  places: async ({ pool }, { id }) => {
    const { rows } = await pool.query<{ place: Place }>(
      `select json_build_array(account_id, effective_at, revision, line) as place
       from (select entry.*, row_number() over (partition by account_id
           order by effective_at desc, revision desc, line desc) as following
         from ${ledgerSchema}.entry
         where account_id in (select id from ${ledgerSchema}.account where book_id = $1)) as entry
       where following > 50 order by random() limit $2`,
      [id, distinct],
    )
    return rows.map(({ place: [account = '', at = '', ...rest] }) => {
      return [account, new Date(at).toISOString(), ...rest]
    })
  },
  at: (_, [account, ...key]) => {
    const shape = { list: 'entries', account, sort: 'effective_at', filters: {} }
    return { path: `accounts/${account}/entries`, shape, key }
  },
  rowOf: ({ transaction_id, line, running_balance }) => [transaction_id, line, running_balance],
}

const accounts: List = {
  byHand: 'accounts',
  places: async (_, book) =>
    Array.from({ length: distinct }, () => [
      `account:${below(book.accounts.length)}`,
      randomUUID(),
    ]),
  at: ({ id: bookId }, key) => {
    const shape = { list: 'accounts', bookId, sort: 'code', filters: {} }
    return { path: 'accounts', shape, key }
  },
  rowOf: ({ id, balances }) => [id, balances],
}

/** Pages that nobody has asked for before, by cursors; and the same ones by hand. */
const uncached = (name: string, what: string, list: List): Measure => ({
  name,
  title: `uncached page of 50 ${what}, 32 clients`,
  unit: 'requests/s',
  bar: 0.667,
  prepare: async (bench) => {
    const { stack } = bench
    const book = await bench.batched(batches, size)
    // Plans that were made while the tables were small are bad ones, by hand as elsewhere.
    await stack.pool.query('vacuum analyze')
    const base = `/v1/books/${book.id}`
    const sign = cursorSigner(stack.environment['DAYBOOK_FINGERPRINT_SECRET'] ?? '')
    // Past all revisions. A cursor that is pinned to another one is another to the cache.
    let pin = 1_000_000
    const cursored = (place: Place) => {
      const { path, shape, key } = list.at(book, place)
      return `${base}/${path}?cursor=${paging({}, shape, sign, () => pin++).cursorOf(key)}`
    }
    const handed = (place: Place) => `${base}/by-hand/${list.byHand}/${place.join('~')}`
    const places = () => list.places(stack, book)

    const contender = (
      name: string,
      server: LocalServer,
      toPath: (place: Place) => string,
    ): Contender => {
      let ms = warmMs
      const run: Contender['run'] = async (profile) => {
        const paths = (await places()).map(toPath)
        const asked = { kind: 'page', token: stack.token, bookId: book.id, ...book, paths } as const
        const load = { clients: 32, ms, asked }
        ms = measureMs
        const { perSecond, p50, p99, cores } = await loadOf(stack, server, load, profile)
        return { rate: perSecond, p50, p99, cores }
      }
      return { name, run }
    }

    const api = stack.servers['api'] as LocalServer
    const hand = await bench.yardstick(8)
    for (const place of (await places()).slice(0, compared)) {
      const ours = await rowsOf(stack, `${api.url}${cursored(place)}`)
      const theirs = await rowsOf(stack, `${hand.url}${handed(place)}`)
      const [shown, wanted] = [ours, theirs].map((rows) => JSON.stringify(rows.map(list.rowOf)))
      if (shown === wanted && ours.length > 0) continue
      throw new Error(`${list.byHand} after ${place.join()}: Daybook ${shown}, by hand ${wanted}`)
    }
    const { against } = stack.servers
    return {
      ours: [
        contender('Daybook', api, cursored),
        ...(against ? [contender('other build', against, cursored)] : []),
      ],
      yardsticks: [contender('hand-written SQL, pool of 8', hand, handed)],
    }
  },
})

const rowsOf = async ({ token }: Stack, url: string): Promise<Row[]> => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const { data } = (await response.json()) as { data: Row[] | null }
  if (!response.ok || !data) throw new Error(`${url} answered ${response.status}`)
  return data
}

export const pagesOfTransactions = uncached('page', 'transactions', transactions)
export const pagesOfStatements = uncached('statement', 'entries of an account', statement)
export const pagesOfAccounts = uncached('accounts', 'accounts', accounts)
