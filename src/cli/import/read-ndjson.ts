import { createInterface } from 'node:readline'
import type { TransactionRequest } from '../../commands/record-transactions.ts'
import type { Currency } from '../../domain/currency.ts'
import { type Journal, type JournalAccount, type JournalTransaction, lineError } from './journal.ts'
import { openFile } from './open-file.ts'

type Line =
  | {
      readonly type: 'book'
      readonly currencies?: readonly Currency[]
      readonly time_zone?: string
    }
  | ({ readonly type: 'account' } & { readonly account: JournalAccount })
  | ({ readonly type: 'transaction' } & { readonly transaction: TransactionRequest })

/** One JSON object a line: `{"type":"account","account":{...}}`, and so on. */
async function* readLines(file: string): AsyncGenerator<{ line: number; content: Line }> {
  let line = 0
  for await (const text of createInterface({ input: await openFile(file) })) {
    line++
    if (text.trim() === '') continue
    yield { line, content: parseLine(file, line, text) }
  }
}

const parseLine = (file: string, line: number, text: string): Line => {
  let content: Line | null
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw lineError(file, line, `this is not JSON: ${(error as Error).message}`)
  }
  if (content?.type === 'book') return content
  if (content?.type === 'account' && content.account) return content
  if (content?.type === 'transaction' && content.transaction) return content
  const forms = '{"type":"account","account":{...}} or {"type":"transaction","transaction":{...}}'
  throw lineError(file, line, `each line is ${forms}`)
}

/** Reads the file once for its accounts; the API checks what the lines hold. */
export const readNdjson = async (file: string, declared: readonly Currency[]): Promise<Journal> => {
  const accounts = new Map<string, JournalAccount>()
  const currencies = new Map(declared.map((currency) => [currency.code, currency]))
  let timeZone: string | undefined
  let count = 0
  for await (const { content } of readLines(file)) {
    if (content.type === 'account') accounts.set(content.account.code, content.account)
    if (content.type === 'transaction') count++
    if (content.type !== 'book') continue
    timeZone = content.time_zone
    for (const currency of content.currencies ?? []) currencies.set(currency.code, currency)
  }
  const transactions = async function* (): AsyncGenerator<JournalTransaction> {
    for await (const { line, content } of readLines(file)) {
      if (content.type !== 'transaction') continue
      const { transaction: request } = content
      yield { name: request.id ?? `line ${line}`, line, request }
    }
  }
  return {
    accounts: [...accounts.values()],
    currencies: [...currencies.values()],
    timeZone,
    count,
    empty: 0,
    transactions,
  }
}
