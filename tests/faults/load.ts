import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isLiving } from './changes.ts'
import type { Client } from './http.ts'
import {
  type Command,
  codeOf,
  count,
  type Final,
  type Journal,
  learn,
  noteCommand,
  type Read,
  revisionOf,
} from './journal.ts'
import { mixedOf } from './mixed.ts'
import {
  bodyOf,
  definitionOf,
  firstAccounts,
  holdOf,
  overdraft,
  type Plan,
  periodOf,
  planOf,
  settlementOf,
  withId,
} from './plans.ts'
import type { Random } from './random.ts'
import { askAgain, insist, isFinal, newCommand, settleThrough } from './settle.ts'

export type Book = { readonly id: string; readonly accounts: ReadonlyMap<string, string> }

export type Load = {
  readonly books: readonly Book[]
  /** Gives no new commands; resolves once every one has its final answer, or the time is up. */
  readonly finish: (withinMs: number) => Promise<void>
  /** Asks for settled commands again: the answers go into the journal beside the first. */
  readonly askAgain: (commands: readonly Command[]) => Promise<void>
}

const bookCount = 3

/** The revision of a book from which on what shows all of it is asked for less often, as it costs more. */
const wholeReads = 3_000

export type LoadOptions = {
  readonly clients: number
  /** Between two requests of a client, on average. */
  readonly pauseMs: number
  /** How many reads there are for each of the usual ones; 1 if not given. */
  readonly reads?: number | undefined
  /** No more than so many, where given. */
  readonly commands?: number | undefined
}

/** Opens the books, then keeps clients busy until it is told to finish, or all was given. */
export const startLoad = async (
  client: Client,
  journal: Journal,
  random: Random,
  {
    clients: clientCount,
    pauseMs,
    reads = 1,
    commands: most = Number.POSITIVE_INFINITY,
  }: LoadOptions,
): Promise<Load> => {
  const giveUp = new AbortController()
  let isFinishing = false
  const holds = new Map<string, readonly string[]>()
  const anyApi = () => random.int(0, client.apis - 1)
  const other = (api: number) => (api + 1) % client.apis
  const settle = settleThrough(client, journal, giveUp.signal)

  const give = async (book: Book): Promise<void> => {
    const number = journal.given
    const safety = random.weighted({ key: 76, id: 6, none: 18 })
    const isOverdraft = safety === 'none' && random.chance(0.7)
    const open = holds.get(book.id) ?? []
    const isSettling = safety === 'key' && open.length > 0 && random.chance(0.15)
    let plan = isOverdraft ? overdraft(random, number) : planOf(random, number)
    if (isSettling) plan = settlementOf(random, random.pick(open))
    else if (safety === 'key' && random.chance(0.12)) plan = holdOf(random, number)
    else if (safety === 'key' && random.chance(0.08)) plan = definitionOf(random)
    else if (safety === 'key' && random.chance(0.02)) plan = periodOf(random)
    else if (safety === 'key' && random.chance(0.09)) plan = mixedOf(random, number)
    if (safety === 'id') plan = withId(plan)
    // What has neither is sent once, and nobody knows what became of it if no answer comes.
    const isKeyed = safety === 'key' || (safety === 'id' && plan.kind !== 'post')
    const command = newCommand(number, book.id, plan, isKeyed ? randomUUID() : null)
    journal.given++
    count(journal, `command ${plan.kind}${isKeyed ? '' : `, ${safety === 'id' ? 'id' : 'bare'}`}`)
    const api = anyApi()
    const twin = isKeyed && random.chance(0.04) ? settle(command, other(api)) : null
    const final = await settle(command, api)
    await twin
    if (final) noteHold(book.id, plan, final)
    if (final && isKeyed && random.chance(0.03)) await settle(command, anyApi())
    noteCommand(journal, command)
    if (!final) return
    // What was malformed has left its key free.
    if (isKeyed && random.chance(0.02) && final.status !== 400) await reuse(command)
    if (random.chance(0.6 * reads)) await read(book, touched(plan, book), final.revision)
  }

  /** Those recorded last: most of what is done to them comes before their time is over. */
  const noteHold = (bookId: string, plan: Plan, { status }: Final): void => {
    if (plan.kind !== 'post' || plan.posting.status !== 'pending' || status >= 300) return
    const known = holds.get(bookId) ?? []
    holds.set(bookId, [...known.slice(-20), plan.posting.id as string])
  }

  /** The key of one command with the body of another: never anything but 422. */
  const reuse = async ({ path, bookId, key }: Command): Promise<void> => {
    const plan: Plan = { kind: 'post', posting: { metadata: { reuse: 'yes' }, entries: [] } }
    const body = path.endsWith('/transactions') ? bodyOf(plan) : null
    if (body === null || key === null) return
    const lines = [
      { account: 'a:4', direction: 'credit', amount: '1' },
      { account: 'a:5', direction: 'debit', amount: '1' },
    ]
    const attempt = await client.send(anyApi(), {
      method: 'POST',
      path,
      headers: { 'Idempotency-Key': key },
      body: { metadata: { reuse: 'yes' }, entries: lines },
    })
    const { answer } = attempt
    if (!answer || !isFinal(answer)) return
    count(journal, 'key reused')
    learn(journal, bookId, revisionOf(answer))
    if (codeOf(answer) !== 'idempotency_key_reused') journal.troubles.push(attempt)
  }

  const read = async (book: Book, code: string, minRevision: number | null): Promise<void> => {
    const what = random.weighted<Read['what']>({
      account: 80,
      accounts: 4,
      transactions: 5,
      entries: 5,
      'trial-balance': 3 * Math.min(1, wholeReads / (journal.known.get(book.id) ?? 1)),
      book: 3,
    })
    const id = book.accounts.get(code) as string
    const account = what === 'account' || what === 'entries' ? id : null
    const named = isLiving(code) || random.chance(0.7) ? id : code
    const path = `/v1/books/${book.id}${addresses[what](named)}`
    const asked = minRevision ?? journal.known.get(book.id) ?? 0
    const headers = { 'Daybook-Min-Revision': String(asked) }
    for (let attempt = 0; attempt < 4 && !giveUp.signal.aborted; attempt++) {
      const api = anyApi()
      const answered = await client.send(api, { method: 'GET', path, headers })
      const { answer, sentAt } = answered
      if (answer?.status === 200) {
        const revision = revisionOf(answer) ?? -1
        const { data } = JSON.parse(answer.text)
        const facts = { bookId: book.id, what, account, path, api, sentAt }
        journal.reads.push({ ...facts, minRevision: asked, revision, data })
        learn(journal, book.id, revision)
        return
      }
      // All that is asked for exists by then.
      if (answer && isFinal(answer)) return void journal.troubles.push(answered)
      await sleep(100 * 2 ** attempt)
    }
  }

  const books: Book[] = []
  for (let number = 0; number < bookCount; number++)
    books.push(await openBook(client, journal, number))

  const runClient = async (): Promise<void> => {
    while (!isFinishing && journal.given < most) {
      const book = random.pick(books)
      if (random.chance(1 - 0.25 * reads)) await give(book)
      else await read(book, random.pick(firstAccounts).code, null)
      await sleep(-Math.log(1 - random.next()) * pauseMs)
    }
  }
  const clients = Array.from({ length: clientCount }, runClient)

  return {
    books,
    finish: async (withinMs) => {
      isFinishing = true
      const timer = setTimeout(() => giveUp.abort(), withinMs)
      await Promise.all(clients)
      clearTimeout(timer)
    },
    askAgain: (commands) => askAgain(client, settle, commands, 4),
  }
}

const addresses: Readonly<Record<Read['what'], (account: string) => string>> = {
  account: (account) => `/accounts/${account}`,
  accounts: () => '/accounts?limit=200',
  transactions: () => '/transactions?limit=20',
  entries: (account) => `/accounts/${account}/entries?sort=-effective_at&limit=20`,
  'trial-balance': () => '/reports/trial-balance',
  book: () => '',
}

/** An account whose balance the command changes, or would. */
const touched = (plan: Plan, book: Book): string => {
  const posting = plan.kind === 'post' ? plan.posting : null
  const code = plan.kind === 'define' ? plan.change.account : posting?.entries.at(-1)?.account
  return code && book.accounts.has(code) ? code : 'hot'
}

/** A book in which everything is there that clients ask for later. */
const openBook = async (client: Client, journal: Journal, number: number): Promise<Book> => {
  const currencies = [{ code: 'MUSD', exponent: 0 }]
  const opened = await insist(client, '/v1/books', { name: `book ${number}`, currencies })
  const { id } = opened.data
  const { data, revision } = await insist(client, `/v1/books/${id}/accounts/batch`, {
    accounts: firstAccounts,
  })
  learn(journal, id, revision)
  // So that every run has them, however seldom they come later on.
  await insist(client, `/v1/books/${id}/accounts/life:0/freeze`)
  await insist(client, `/v1/books/${id}/accounts/life:0/unfreeze`)
  await insist(client, `/v1/books/${id}/periods/close`, { through: '2020-12-31' })
  const ids = data.map(({ code, id }: { code: string; id: string }) => [code, id])
  return { id, accounts: new Map(ids) }
}
