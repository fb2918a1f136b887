import { derivedId } from '../../domain/ids.ts'
import { ApiError, type Client } from '../client.ts'
import { UserError } from '../report-failure.ts'
import type { Journal, JournalAccount, JournalTransaction } from './journal.ts'
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

const batchSize = 1_000
/** Of JSON; an event has at most 768 KiB. */
const batchBytes = 400 * 1024

/**
 * Puts a journal into a book through the REST API. Each transaction's id follows from the book, the
 * source and its name there, so whatever stopped an earlier run, this one ends with the same book.
 */
export const runImport = async (
  client: Client,
  journal: Journal,
  { bookName, source }: { readonly bookName: string; readonly source: string },
  progress: Progress,
): Promise<ImportResult> => {
  const bookId = await findOrOpenBook(client, journal, bookName)
  await openAccounts(client, bookId, journal.accounts)
  progress.start(journal.count)
  let recorded = 0
  let existing = 0
  let done = 0
  let revision: number | null = null
  const refused: Refusal[] = []
  for await (const batch of batches(journal.transactions())) {
    const transactions = batch.map(({ name, request }) => ({
      ...request,
      id: request.id ?? derivedId('import', bookId, source, name),
    }))
    const body = { transactions, atomic: false }
    const answer = await client
      .post(`/v1/books/${bookId}/transactions/batch`, body)
      .catch((error: unknown) => refuseLine(error, batch))
    const { results } = answer.data as { results: Result[] }
    for (const { index, status, error } of results) {
      if (status === 'recorded') recorded++
      if (status === 'existing') existing++
      if (error) refused.push({ ...error, line: batch[index]?.line ?? 0 })
    }
    revision = answer.revision
    done += batch.length
    progress.update(done)
  }
  progress.stop()
  if (revision !== null) await untilVisible(client, bookId, revision)
  return { bookId, recorded, existing, empty: journal.empty, refused }
}

/** A request that could not be read was refused whole; whoever mends the file needs its line. */
const refuseLine = (error: unknown, batch: readonly JournalTransaction[]): never => {
  if (!(error instanceof ApiError)) throw error
  const path = String(error.details[0]?.['path'])
  const line = batch[Number(/^\/transactions\/(\d+)/.exec(path)?.[1])]?.line
  throw line === undefined ? error : new UserError(`line ${line}: ${error.message}`)
}

type Result = {
  readonly index: number
  readonly status: 'recorded' | 'existing' | 'refused'
  readonly error?: { readonly code: string; readonly message: string }
}

async function* batches(transactions: AsyncIterable<JournalTransaction>) {
  let batch: JournalTransaction[] = []
  let bytes = 0
  for await (const transaction of transactions) {
    const size = Buffer.byteLength(JSON.stringify(transaction.request))
    if (batch.length > 0 && (batch.length >= batchSize || bytes + size > batchBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(transaction)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/** The only book of this name, or a new one. The key makes sure that it is opened once. */
const findOrOpenBook = async (client: Client, journal: Journal, name: string): Promise<string> => {
  const found = await client.get(`/v1/books?name=${encodeURIComponent(name)}`)
  const books = found.data as { id: string }[]
  if (books.length > 1) {
    throw new UserError(`There are ${books.length} books named ${name}. Choose another name.`)
  }
  if (books[0]) return books[0].id
  const { timeZone, currencies } = journal
  const body = { name, currencies, ...(timeZone && { time_zone: timeZone }) }
  const key = derivedId('import book', name, JSON.stringify(body))
  const opened = await client.post('/v1/books', body, { 'idempotency-key': key })
  return (opened.data as { id: string }).id
}

/** Opens those that are not there. One that turns out to be there after all is left out. */
const openAccounts = async (
  client: Client,
  bookId: string,
  accounts: readonly JournalAccount[],
): Promise<void> => {
  const known = await knownCodes(client, bookId)
  let missing = accounts.filter(({ code }) => !known.has(code))
  while (missing.length > 0) {
    const batch = missing.slice(0, 1_000)
    try {
      await client.post(`/v1/books/${bookId}/accounts/batch`, { accounts: batch })
      missing = missing.slice(batch.length)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'account_code_taken') throw error
      const index = Number(/^\/accounts\/(\d+)/.exec(String(error.details[0]?.['path']))?.[1])
      missing = missing.filter((account) => account !== batch[index])
    }
  }
}

const knownCodes = async (client: Client, bookId: string): Promise<Set<string>> => {
  const codes = new Set<string>()
  // The book may have been opened a moment ago: the read model has to know it first.
  const path = `/v1/books/${bookId}/accounts?limit=200`
  const headers = { 'daybook-min-revision': '0' }
  let cursor: string | null = null
  do {
    const suffix: string = cursor ? `&cursor=${cursor}` : ''
    const { data, meta } = await client.get(`${path}${suffix}`, headers)
    for (const { code } of data as { code: string }[]) codes.add(code)
    cursor = meta['nextCursor'] as string | null
  } while (cursor)
  return codes
}

/** A 503 `not_yet_visible` is waited out by the client. */
const untilVisible = async (client: Client, bookId: string, revision: number): Promise<void> => {
  await client.get(`/v1/books/${bookId}`, { 'daybook-min-revision': String(revision) })
}
