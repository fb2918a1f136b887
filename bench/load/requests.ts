import { toRequest } from './connection.ts'

/** What the clients ask for, over and over. */
export type Asked = {
  readonly token: string
  readonly bookId: string
  readonly accounts: readonly string[]
} & (
  | {
      readonly kind: 'single'
      /** One account is in this share of them, from 0 to 1. */
      readonly hotShare: number
    }
  | { readonly kind: 'batch'; readonly size: number }
  | { readonly kind: 'account' }
  | { readonly kind: 'page'; readonly paths: readonly string[] }
)

const distinct = { single: 5_000, batch: 16 }

/** Requests made beforehand, to be sent in turn: making them would cost the machine's time. */
export const makeRequests = (asked: Asked): Buffer[] => {
  const { token, bookId, accounts } = asked
  const book = `/v1/books/${bookId}`
  const pick = () => accounts[Math.floor(Math.random() * accounts.length)] as string
  const transaction = (hotShare: number) => {
    const from = Math.random() < hotShare ? (accounts[0] as string) : pick()
    let to = pick()
    while (to === from) to = pick()
    return makeTransaction(from, to)
  }
  switch (asked.kind) {
    case 'single':
      return Array.from({ length: distinct.single }, () => {
        const body = JSON.stringify(transaction(asked.hotShare))
        return toRequest('POST', `${book}/transactions`, token, body)
      })
    case 'batch':
      return Array.from({ length: distinct.batch }, () => {
        const transactions = Array.from({ length: asked.size }, () => transaction(0))
        const body = JSON.stringify({ transactions })
        return toRequest('POST', `${book}/transactions/batch`, token, body)
      })
    case 'account':
      return accounts.map((account) => toRequest('GET', `${book}/accounts/${account}`, token))
    case 'page':
      return asked.paths.map((path) => toRequest('GET', path, token))
  }
}

export const makeTransaction = (from: string, to: string) => {
  const number = 1 + Math.floor(Math.random() * 99_999)
  const amount = String(number)
  return {
    description: `Invoice ${number}`,
    metadata: { order: `o-${number}` },
    entries: [
      { account: to, direction: 'debit', amount },
      { account: from, direction: 'credit', amount },
    ],
  }
}
