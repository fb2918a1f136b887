import { Command } from 'commander'
import { type Book, booksOf, nextOf } from './books.ts'
import { type Client, createClient } from './client.ts'
import { findSession } from './session.ts'

type Options = { book?: string; url?: string }
type Integrity = {
  readonly status: 'whole' | 'broken' | 'unfinished'
  readonly checked: { readonly events: number; readonly transactions: number }
  readonly through: { readonly revision: number; readonly hash: string }
  readonly head_revision: number
  readonly broken: {
    readonly revision: number
    readonly event_id: string
    readonly why: string
    readonly message: string
  } | null
}

/** Checks one book to its end and says what came of it; false if it is broken. */
const verifyBook = async (client: Client, { id, name }: Book): Promise<boolean> => {
  const { showProgress } = await import('./import/progress.ts')
  const progress = showProgress(`Checking ${name}`, 'events')
  let events = 0
  let transactions = 0
  for (let cursor: string | null = null; ; ) {
    const query = cursor === null ? '' : `?cursor=${cursor}`
    const answer = await client.get(`/v1/books/${id}/integrity${query}`)
    const { status, checked, through, head_revision, broken } = answer.data as Integrity
    if (cursor === null) progress.start(head_revision + 1)
    events += checked.events
    transactions += checked.transactions
    progress.update(events)
    cursor = nextOf(answer)
    if (status === 'unfinished') continue
    progress.stop()
    const book = `${name}${name === id ? '' : ` (${id})`}`
    const upTo = `${events} events with ${transactions} transactions`
    if (!broken) {
      console.log(`${book}: whole; ${upTo}, the last one with the hash ${through.hash}`)
      return true
    }
    console.log(`${book}: BROKEN at revision ${broken.revision}, event ${broken.event_id}`)
    console.log(`  ${broken.why}: ${broken.message}`)
    console.log(`  ${upTo} before it are well`)
    return false
  }
}

export const verifyCommand = new Command('verify')
  .description('Check the hash chains of books, event by event, from the event store itself')
  .option('--book <name or id>', 'only this one (all that the user may read)')
  .option('--url <url>', 'where Daybook is (DAYBOOK_URL, else the last login)')
  .action(async ({ book, url }: Options) => {
    const client = createClient(await findSession(url))
    let whole = 0
    let broken = 0
    for await (const one of booksOf(client, book)) {
      if (await verifyBook(client, one)) whole++
      else broken++
    }
    if (whole + broken !== 1) console.log(`${whole} whole, ${broken} broken`)
    if (broken > 0) process.exitCode = 1
  })
