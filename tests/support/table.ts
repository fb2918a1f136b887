import { applyBatch } from '../../src/commands/apply-batch.ts'
import type { BatchItem } from '../../src/commands/batch-item.ts'
import { changeTransactionMetadata } from '../../src/commands/change-transaction-metadata.ts'
import { closeAccount } from '../../src/commands/close-account.ts'
import { closePeriod } from '../../src/commands/close-period.ts'
import type { Command } from '../../src/commands/command.ts'
import { expireHolds } from '../../src/commands/expire-holds.ts'
import { freezeAccount, unfreezeAccount } from '../../src/commands/freeze-account.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import { postHold } from '../../src/commands/post-hold.ts'
import {
  recordTransactions,
  type TransactionRequest,
} from '../../src/commands/record-transactions.ts'
import { reopenPeriod } from '../../src/commands/reopen-period.ts'
import { replaceAccount } from '../../src/commands/replace-account.ts'
import { reverseTransaction } from '../../src/commands/reverse-transaction.ts'
import { updateAccount } from '../../src/commands/update-account.ts'
import { voidHold } from '../../src/commands/void-hold.ts'
import { itemOf } from './batch-item.ts'

/**
 * Tables that an accountant can read: what is done, what comes of it, and the balances after it.
 *
 *     open asset cash EUR min 0               | opened          |
 *     debit cash 100, credit sales 100        | recorded        | cash 100  sales 100
 *     transfer 101 from cash to rent          | balance_too_low | cash 100
 *
 *     hold id T1 transfer 40 from cash to rent | recorded     | cash 100/60 rent 0+40
 *     post T1 amount 30                        | posted       | cash 70 rent 30
 *
 * A balance is in the account's normal sign; `cash 100/60+5` has 60 available and 5 that holds would
 * add. `9{38}` is 38 nines.
 * A row that begins with + is an item of the batch (`all` or `each`) above it. Items of a `batch all`
 * or `batch each` are whatever could be a row of its own.
 */
export type Row = {
  readonly line: number
  readonly text: string
  readonly intent: Intent
  readonly expected: string
  /** Of each item of a batch. */
  readonly items: readonly string[]
  readonly balances: readonly ExpectedBalance[]
}

export type ExpectedBalance = {
  readonly code: string
  readonly posted: bigint
  readonly available: bigint
  readonly pendingIncrease: bigint
}

export type Intent =
  | { readonly kind: 'today'; readonly at: number }
  | {
      readonly kind: 'command'
      readonly command: Command
      readonly data: unknown
      key: string | null
      readonly isDryRun: boolean
    }

export type Table = { readonly title: string; readonly rows: readonly Row[] }

/** Sections begin with `##`; the rows before the first one stand at the head of each. */
export const parseTables = (text: string): Table[] => {
  const prelude: Row[] = []
  const tables: { title: string; rows: Row[] }[] = []
  let rows = prelude
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('## ')) {
      rows = [...prelude]
      tables.push({ title: line.slice(3).trim(), rows })
    } else if (line.trim() !== '' && !line.startsWith('#')) {
      addRow(rows, line, index + 1)
    }
  }
  return tables
}

const addRow = (rows: Row[], text: string, line: number): void => {
  const [what = '', expected = '', balances = ''] = text.split('|').map((cell) => cell.trim())
  const words = wordsOf(what)
  const batch = words[0] === '+' ? (rows.pop() as Row) : null
  const row: Row = batch
    ? addItem(batch, words.slice(1), expected)
    : { line, text: what, intent: intentOf(words, line), expected, items: [], balances: [] }
  rows.push({ ...row, balances: [...row.balances, ...balancesOf(balances)] })
}

/** `9{38}` is 38 nines, `10{37}` a one and 37 zeros. */
const wordsOf = (text: string): string[] =>
  text
    .replace(/(.)\{(\d+)\}/g, (_, one: string, count: string) => one.repeat(Number(count)))
    .split(/\s+/)
    .filter((word) => word !== '')

const balancesOf = (text: string): Row['balances'] => {
  const words = wordsOf(text)
  return Array.from({ length: words.length / 2 }, (_, index) => {
    const [sums = '', pending = '0'] = words[2 * index + 1]!.split('+')
    const [posted = '', available = posted] = sums.split('/')
    return {
      code: words[2 * index]!,
      posted: BigInt(posted),
      available: BigInt(available),
      pendingIncrease: BigInt(pending),
    }
  })
}

type Batch = { transactions?: TransactionRequest[]; items?: BatchItem[]; atomic: boolean }

const addItem = (batch: Row, words: string[], expected: string): Row => {
  const { intent } = batch
  if (intent.kind !== 'command') throw new Error(`line ${batch.line} is no batch`)
  const { transactions, items } = intent.data as Batch
  const times = Number(take(words, 'times') ?? 1)
  const [transaction, item] = transactions
    ? [transactionOf(words)]
    : [undefined, singleOf(words, batch.line)]
  for (let copy = 0; copy < times; copy++) {
    if (transaction) transactions?.push(transaction)
    if (item) items?.push(item)
  }
  return { ...batch, items: [...batch.items, ...Array<string>(times).fill(expected)] }
}

/** A row that could stand by itself, as an item of a batch. */
const singleOf = (words: string[], line: number): BatchItem => {
  const intent = intentOf(words, line)
  if (intent.kind !== 'command') throw new Error(`line ${line} has an item that is no command`)
  return itemOf(intent)
}

/** Removes `name value` from the words. */
const take = (words: string[], name: string): string | undefined => {
  const place = words.indexOf(name)
  return place < 0 ? undefined : words.splice(place, 2)[1]
}

/** Removes the word, if it is there. */
const flag = (words: string[], name: string): boolean => {
  const place = words.indexOf(name)
  return place >= 0 && words.splice(place, 1).length > 0
}

const intentOf = (words: string[], line: number): Intent => {
  const key = take(words, 'key') ?? null
  const isDryRun = words[0] === 'try'
  if (isDryRun) words.shift()
  const of = (command: unknown, data: unknown): Intent => ({
    kind: 'command',
    command: command as Command,
    data,
    key,
    isDryRun,
  })
  switch (words[0]) {
    case 'today':
      return { kind: 'today', at: Date.parse(words[1]!) }
    case 'book':
      return of(openBook, bookOf(words.slice(1)))
    case 'open':
      return of(openAccounts, { accounts: split(words.slice(1), ';').map(accountOf) })
    case 'note': {
      const [, id, ...notes] = words
      const { metadata } = definitionOf(notes.flatMap((note) => ['note', note]))
      return of(changeTransactionMetadata, { transaction: idOf(id!), metadata })
    }
    case 'replace':
    case 'change':
    case 'freeze':
    case 'unfreeze':
    case 'close': {
      const [what, ...rest] = words
      if (rest[0] === 'through') return of(closePeriod, { through: rest[1] })
      const target = targetOf(rest)
      if (what === 'replace') {
        return of(replaceAccount, { target, replacement: definitionOf(rest) })
      }
      if (what === 'change') return of(updateAccount, { target, changes: definitionOf(rest) })
      return of({ freeze: freezeAccount, unfreeze: unfreezeAccount, close: closeAccount }[what!], {
        target,
      })
    }
    case 'reopen':
      return of(reopenPeriod, { through: words[2] === 'none' ? null : words[2] })
    case 'all':
    case 'each':
      return of(recordTransactions, { transactions: [], atomic: words[0] === 'all' })
    case 'batch':
      return of(applyBatch, { items: [], atomic: words[1] === 'all' })
    case 'post':
      return of(postHold, { transaction: idOf(words[1]!), ...postingOf(words.slice(2)) })
    case 'void':
      return of(voidHold, { transaction: idOf(words[1]!) })
    case 'reverse':
      return of(reverseTransaction, { transaction: idOf(words[1]!), ...reversalOf(words.slice(2)) })
    case 'expire':
      return of(expireHolds, {})
    case undefined:
      throw new Error(`line ${line} says nothing`)
    default:
      return of(recordTransactions, { transactions: [transactionOf(words)], atomic: true })
  }
}

const split = (words: readonly string[], separator: string): string[][] =>
  words
    .join(' ')
    .split(separator)
    .map((part) => part.trim().split(' '))

const bookOf = (words: string[]) => {
  const time_zone = take(words, 'zone')
  const currencies: { code: string; exponent: number }[] = []
  for (let place = words.indexOf('currency'); place >= 0; place = words.indexOf('currency')) {
    const [, code, exponent] = words.splice(place, 3)
    currencies.push({ code: code!, exponent: Number(exponent) })
  }
  return { name: words[0] ?? 'book', currencies, ...(time_zone && { time_zone }) }
}

const accountOf = (words: string[]) => {
  const min_balance = take(words, 'min')
  const max_balance = take(words, 'max')
  const [type, code, currency] = words
  return {
    type,
    code,
    currency,
    ...(min_balance !== undefined && { min_balance }),
    ...(max_balance !== undefined && { max_balance }),
  }
}

/** Whose definition is changed, and the revisions that may have made it: `version 1,2`. */
const targetOf = (words: string[]) => {
  const versions = take(words, 'version')?.split(',').map(Number) ?? null
  return { account: words.shift()!, versions }
}

/** `none` takes a limit away, and `note of=` a key. */
const definitionOf = (words: string[]) => {
  const metadata: Record<string, string | null> = {}
  for (let note = take(words, 'note'); note !== undefined; note = take(words, 'note')) {
    const [key, value] = note.split('=')
    metadata[key!] = value === '' ? null : value!
  }
  const hasNotes = Object.keys(metadata).length > 0
  const fields = Array.from({ length: words.length / 2 }, (_, index) => {
    const [name, value] = words.slice(2 * index, 2 * index + 2) as [string, string]
    const isLimit = name === 'min' || name === 'max'
    return [isLimit ? `${name}_balance` : name, value === 'none' ? null : value]
  })
  return { ...Object.fromEntries(fields), ...(hasNotes && { metadata }) }
}

/** [on original] [force] [text wrong] [ref INV-2] */
const reversalOf = (words: string[]) => {
  const effective_at = take(words, 'on')
  const description = take(words, 'text')
  const reference = take(words, 'ref')
  return {
    ...(effective_at !== undefined && { effective_at }),
    ...(description !== undefined && { description }),
    ...(reference !== undefined && { reference }),
    ...(flag(words, 'force') && { force: true }),
  }
}

/** [amount 60] [keep] [on 2024-06-01] [debit cash 60, credit sales 60] */
const postingOf = (words: string[]) => {
  const amount = take(words, 'amount')
  const effective_at = take(words, 'on')
  const isKept = flag(words, 'keep')
  const isReleased = flag(words, 'release')
  const isForward = flag(words, 'forward')
  return {
    ...(amount !== undefined && { amount }),
    ...(effective_at !== undefined && { effective_at }),
    ...(isForward && { on_closed_period: 'roll_forward' as const }),
    ...(isKept && { remainder: 'keep' as const }),
    ...(isReleased && { remainder: 'release' as const }),
    ...(words.length > 0 && { entries: split(words, ',').map(entryOf) }),
  }
}

const transactionOf = (words: string[]): TransactionRequest => {
  const isHeld = flag(words, 'hold')
  const expires_at = take(words, 'until')
  const reference = take(words, 'ref')
  const id = take(words, 'id')
  const effective_at = take(words, 'on')
  const description = take(words, 'text')
  const note = take(words, 'note')?.split('=')
  const isForward = flag(words, 'forward')
  const lines = words.length === 0 ? [] : split(words, ',')
  const transfers = lines.filter(([kind]) => kind === 'transfer')
  const entries = lines.filter(([kind]) => kind !== 'transfer')
  return {
    ...(id !== undefined && { id: idOf(id) }),
    ...(isHeld && { status: 'pending' as const }),
    ...(expires_at !== undefined && { expires_at }),
    ...(reference !== undefined && { reference }),
    ...(effective_at !== undefined && { effective_at }),
    ...(isForward && { on_closed_period: 'roll_forward' as const }),
    ...(description !== undefined && { description }),
    ...(note && { metadata: { [note[0]!]: note[1]! } }),
    ...(entries.length > 0 && { entries: entries.map(entryOf) }),
    ...(transfers.length > 0 && { transfers: transfers.map(transferOf) }),
  }
}

/**
 * `T1` and the like, as ids that clients choose; `t1` is the same one in capitals, and `it` the
 * transaction that was recorded last.
 */
const idOf = (name: string): string => {
  if (name === 'it') return name
  const id = `c11e4700-0000-7000-8000-${name.slice(1).padStart(12, '0')}`
  return name.startsWith('t') ? id.toUpperCase() : id
}

/** debit cash 100 [EUR] [leaving >=5] [leaving <=5] [seen 3] */
const entryOf = (words: string[]) => {
  const account_revision = take(words, 'seen')
  const bounds: { gte?: string; lte?: string } = {}
  for (let bound = take(words, 'leaving'); bound; bound = take(words, 'leaving')) {
    bounds[bound.startsWith('>') ? 'gte' : 'lte'] = bound.slice(2)
  }
  const [direction, account, amount, currency] = words
  return {
    account: account!,
    direction: direction as 'debit' | 'credit',
    amount: amount!,
    ...(currency && { currency }),
    ...(Object.keys(bounds).length > 0 && { available_balance: bounds }),
    ...(account_revision && { account_revision: Number(account_revision) }),
  }
}

/** transfer 40 [EUR] from cash to rent */
const transferOf = (words: string[]) => {
  const from = take(words, 'from')!
  const to = take(words, 'to')!
  const [, amount, currency] = words
  return { from, to, amount: amount!, ...(currency && { currency }) }
}
