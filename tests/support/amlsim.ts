import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const folder = new URL('../../../tests/data/amlsim/', import.meta.url)

const rowsOf = (name: string): string[][] => {
  const text = gunzipSync(readFileSync(new URL(name, folder))).toString()
  const lines = text.trimEnd().split('\n').slice(1)
  return lines.map((line) => line.trimEnd().split(','))
}

const cents = (decimal: string | undefined): string => String(Math.round(Number(decimal) * 100))

const customerCode = (node: string | undefined): string => `customer:${node}`

/** Bank customers with what they begin with, in cents. */
export const customers = (): { readonly code: string; readonly opening: string }[] =>
  rowsOf('nodes.csv.gz').map(([node, , balance]) => {
    return { code: customerCode(node), opening: cents(balance) }
  })

/** Transfers between them in the order of the file, in cents. */
export const transfers = (): { readonly from: string; to: string; amount: string }[] =>
  rowsOf('transactions.csv.gz').map(([source, target, value]) => {
    return { from: customerCode(source), to: customerCode(target), amount: cents(value) }
  })

/** The bank owes less to the one, and more to the other. */
export const pay = (from: string, to: string, amount: string) =>
  [
    { account: from, direction: 'debit', amount },
    { account: to, direction: 'credit', amount },
  ] as const
