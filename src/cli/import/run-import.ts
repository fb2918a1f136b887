import type { TransactionRequest } from '../../commands/record-transactions.ts'
import { derivedId } from '../../domain/ids.ts'
import { ApiError, type Client } from '../client.ts'
import { UserError } from '../report-failure.ts'
import { type Batch, batches } from './batches.ts'
import { type BookAccounts, bookAccounts } from './book-accounts.ts'
import { changeRequest } from './change-request.ts'
import type { Journal, StepOf } from './journal.ts'
import type { Progress } from './progress.ts'

export type Refusal = { readonly line: number; readonly code: string; readonly message: string }

export type ImportResult = {
  readonly bookId: string
  readonly recorded: number
  /** Were there already, from an earlier run. */
  readonly existing: number
  /** Left out, because all their amounts are zero. */
  readonly empty: number
  readonly refused: readonly Refusal[]
}

/** A run of an import: where it writes, and what became of it so far. */
type Run = {
  readonly client: Client
  readonly bookId: string
  readonly source: string
  readonly accounts: BookAccounts
  /** Ids of transactions that do not follow from their names. */
  readonly named: Map<string, string>
  /** In ms since 1970. */
  readonly startedAt: number
  readonly counts: { recorded: number; existing: number }
  readonly refused: Refusal[]
  revision: number | null
}

/**
 * Puts a journal into a book through the REST API. The ids of its transactions and the keys of its
 * other commands follow from the book, the source and their place there, so whatever stopped an
 * earlier run, this one ends with the same book.
 */
export const runImport = async (
  client: Client,
  journal: Journal,
  { bookName, source }: { readonly bookName: string; readonly source: string },
  progress: Progress,
): Promise<ImportResult> => {
  const bookId = await findOrOpenBook(client, journal, bookName)
  const accounts = bookAccounts(client, bookId, source)
  const counts = { recorded: 0, existing: 0 }
  const place = { client, bookId, source, accounts, named: new Map<string, string>() }
  const run: Run = { ...place, startedAt: Date.now(), counts, refused: [], revision: null }
  await accounts.ensure(journal.accounts)
  progress.start(journal.count)
  let done = 0
  for await (const batch of batches(journal.steps())) {
    await take(batch, run)
    if (batch.kind !== 'account') done += batch.steps.length
    progress.update(done)
  }
  progress.stop()
  if (run.revision !== null) await untilVisible(client, bookId, run.revision)
  return { bookId, ...counts, empty: journal.empty, refused: run.refused }
}

const take = async (batch: Batch, run: Run): Promise<void> => {
  switch (batch.kind) {
    case 'account':
      return openAccounts(batch.steps, run)
    case 'transaction':
      return recordTransactions(batch.steps, run)
    case 'change':
      for (const step of batch.steps) await makeChange(step, run)
  }
}

const openAccounts = async (steps: readonly StepOf<'account'>[], run: Run): Promise<void> => {
  const opened = steps.map(({ account }) => account)
  await run.accounts
    .open(opened, `line ${steps[0]?.line}`)
    .catch((error: unknown) => refuseLine(error, 'accounts', steps))
}

type Result = {
  readonly index: number
  readonly status: 'recorded' | 'existing' | 'refused'
  readonly error?: { readonly code: string; readonly message: string }
}

const recordTransactions = async (
  steps: readonly StepOf<'transaction'>[],
  run: Run,
): Promise<void> => {
  const { client, bookId, counts, refused } = run
  const transactions = steps.map(({ name, request }) => {
    if (request.id !== undefined) run.named.set(name, request.id)
    return { ...toRequest(request, run), id: transactionId(name, run) }
  })
  const answer = await client
    .post(`/v1/books/${bookId}/transactions/batch`, { transactions, atomic: false })
    .catch((error: unknown) => refuseLine(error, 'transactions', steps))
  const { results } = answer.data as { results: Result[] }
  for (const { index, status, error } of results) {
    if (status === 'recorded') counts.recorded++
    if (status === 'existing') counts.existing++
    if (error) refused.push({ ...error, line: steps[index]?.line ?? 0 })
  }
  run.revision = answer.revision
}

const transactionId = (name: string, { named, bookId, source }: Run): string =>
  named.get(name) ?? derivedId('import', bookId, source, name)

/**
 * Codes may come to mean other accounts; what was recorded is recognised by the accounts' ids. A hold
 * whose time is over is held without one: the file says what became of it.
 */
const toRequest = (
  { expires_at, ...request }: TransactionRequest,
  { accounts: { idOf }, startedAt }: Run,
): TransactionRequest => ({
  ...request,
  ...(expires_at !== undefined && !(Date.parse(expires_at) <= startedAt) && { expires_at }),
  ...(Array.isArray(request.entries) && {
    entries: request.entries.map((entry) => ({ ...entry, account: idOf(entry.account) })),
  }),
  ...(Array.isArray(request.transfers) && {
    transfers: request.transfers.map((transfer) => ({
      ...transfer,
      from: idOf(transfer.from),
      to: idOf(transfer.to),
    })),
  }),
})

/** One after the other, each under a key of its own. */
const makeChange = async ({ line, change }: StepOf<'change'>, run: Run): Promise<void> => {
  const { client, bookId, source, accounts, refused } = run
  const ofTransaction = (name: string) => transactionId(name, run)
  const ids = { ofAccount: accounts.idOf, ofTransaction }
  const { method, path, body } = changeRequest(change, ids)
  const place = JSON.stringify([line, change])
  const headers = { 'idempotency-key': derivedId('import change', bookId, source, place) }
  try {
    const answer = await client.send(method, `/v1/books/${bookId}${path}`, body, headers)
    run.revision = answer.revision
    if (change.type === 'reverse_transaction' && change.name !== undefined) {
      run.named.set(change.name, (answer.data as { id: string }).id)
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { code, message } = error
    refused.push({ line, code, message })
    return
  }
  if (change.type === 'replace_account') accounts.rename(change.account, change.replacement.code)
  if (change.type === 'close_account') accounts.forget(change.account)
}

/** A request that could not be read was refused whole; whoever mends the file needs its line. */
const refuseLine = (
  error: unknown,
  list: 'accounts' | 'transactions',
  steps: readonly { readonly line: number }[],
): never => {
  if (!(error instanceof ApiError)) throw error
  const [, found, index] = /^\/(\w+)\/(\d+)/.exec(String(error.details[0]?.['path'])) ?? []
  const line = found === list ? steps[Number(index)]?.line : undefined
  throw line === undefined ? error : new UserError(`line ${line}: ${error.message}`)
}

/** The only book of this name, or a new one. The key makes sure that it is opened once. */
const findOrOpenBook = async (client: Client, { book }: Journal, name: string): Promise<string> => {
  const found = await client.get(`/v1/books?name=${encodeURIComponent(name)}`)
  const books = found.data as { id: string }[]
  if (books.length > 1) {
    throw new UserError(`There are ${books.length} books named ${name}. Choose another name.`)
  }
  if (books[0]) return books[0].id
  const body = { name, ...book }
  const key = derivedId('import book', name, JSON.stringify(body))
  const opened = await client.post('/v1/books', body, { 'idempotency-key': key })
  return (opened.data as { id: string }).id
}

/** A 503 `not_yet_visible` is waited out by the client. */
const untilVisible = async (client: Client, bookId: string, revision: number): Promise<void> => {
  await client.get(`/v1/books/${bookId}`, { 'daybook-min-revision': String(revision) })
}
