import type { Currency } from '../../domain/currency.ts'
import { textLines } from '../text-lines.ts'
import { type Journal, lineError, type Step } from './journal.ts'
import type { BookLine, JournalLine } from './line.ts'
import { openFile } from './open-file.ts'

type Placed = { readonly line: number; readonly content: JournalLine }

/** One JSON object a line: `{"type":"account","account":{...}}`, and so on. */
async function* readLines(file: string): AsyncGenerator<Placed> {
  let line = 0
  for await (const text of textLines(await openFile(file))) {
    line++
    if (text.trim() === '') continue
    yield { line, content: parseLine(file, line, text) }
  }
}

const parseLine = (file: string, line: number, text: string): JournalLine => {
  let content: { readonly [name: string]: unknown } | null
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw lineError(file, line, `this is not JSON: ${(error as Error).message}`)
  }
  const type = String(content?.['type'])
  const known = Object.hasOwn(parts, type) ? parts[type as JournalLine['type']] : undefined
  if (!content || !known) {
    const types = Object.keys(parts).join(', ')
    throw lineError(file, line, `each line is {"type":...,...}, its type one of ${types}`)
  }
  for (const [name, form] of Object.entries(known)) {
    const value = content[name]
    const isThere = form === 'text' ? typeof value === 'string' : isObject(value)
    if (isThere) continue
    const wanted = form === 'text' ? `"${name}":"..."` : `"${name}":{...}`
    throw lineError(file, line, `a line of type ${type} has ${wanted}`)
  }
  return content as JournalLine
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** What each type of line must have; what that must hold is for the API to check. */
const parts: {
  readonly [Type in JournalLine['type']]: Readonly<Record<string, 'text' | 'object'>>
} = {
  book: {},
  account: { account: 'object' },
  transaction: { transaction: 'object' },
  replace_account: { account: 'text', replacement: 'object' },
  freeze_account: { account: 'text' },
  unfreeze_account: { account: 'text' },
  close_account: { account: 'text' },
  post_hold: { transaction: 'text', posting: 'object' },
  void_hold: { transaction: 'text' },
  reverse_transaction: { transaction: 'text', reversal: 'object' },
  change_metadata: { transaction: 'text', metadata: 'object' },
  close_period: { through: 'text' },
  reopen_period: {},
}

/** Reads the file once for its book; the API checks what the lines hold. */
export const readNdjson = async (file: string, declared: readonly Currency[]): Promise<Journal> => {
  const currencies = new Map(declared.map((currency) => [currency.code, currency]))
  let book: BookLine = { type: 'book' }
  let count = 0
  for await (const { line, content } of readLines(file)) {
    if (content.type !== 'book' && content.type !== 'account') count++
    if (content.type !== 'book') continue
    if (line > 1) throw lineError(file, line, 'the line of the book is the first one')
    book = content
    for (const currency of content.currencies ?? []) currencies.set(currency.code, currency)
  }
  const { time_zone, metadata } = book
  return {
    book: {
      currencies: [...currencies.values()],
      ...(time_zone !== undefined && { time_zone }),
      ...(metadata !== undefined && { metadata }),
    },
    accounts: [],
    count,
    empty: 0,
    steps: async function* () {
      for await (const placed of readLines(file)) {
        const step = toStep(placed)
        if (step) yield step
      }
    },
  }
}

const toStep = ({ line, content }: Placed): Step | null => {
  switch (content.type) {
    case 'book':
      return null
    case 'account':
      return { kind: 'account', line, account: content.account }
    case 'transaction': {
      const { name = content.transaction.id ?? `line ${line}`, transaction: request } = content
      return { kind: 'transaction', line, name, request }
    }
    case 'replace_account':
    case 'freeze_account':
    case 'unfreeze_account':
    case 'close_account':
    case 'post_hold':
    case 'void_hold':
    case 'reverse_transaction':
    case 'change_metadata':
    case 'close_period':
    case 'reopen_period':
      return { kind: 'change', line, change: content }
  }
}
