import type { TSchema } from 'typebox'
import { applyBatch } from '../../../src/commands/apply-batch.ts'
import type { BatchItem } from '../../../src/commands/batch-item.ts'
import type { Command } from '../../../src/commands/command.ts'
import { openAccounts } from '../../../src/commands/open-accounts.ts'
import { openBook } from '../../../src/commands/open-book.ts'
import {
  recordTransactions,
  type TransactionRequest,
} from '../../../src/commands/record-transactions.ts'
import type { Random } from '../../support/random.ts'

/** What a client wants, however often it has to ask. */
export type Request = {
  readonly command: Command
  readonly data: unknown
  readonly key: string | null
  /** Whether ids that the client chose keep it from being done twice. */
  readonly hasIds: boolean
}

const request = <Schema extends TSchema>(
  command: Command<Schema>,
  data: unknown,
  key: string | null,
  hasIds = false,
): Request => ({ command: command as unknown as Command, data, key, hasIds })

const accounts = ['a', 'b', 'c', 'd'] as const

const opening: readonly Request[] = [
  request(openBook, { name: 'simulated' }, 'open-book'),
  request(
    openAccounts,
    {
      accounts: [
        { code: 'world', type: 'equity', currency: 'EUR' },
        ...accounts.map((code) => ({ code, type: 'asset', currency: 'EUR', min_balance: '0' })),
      ],
    },
    'open-accounts',
  ),
  request(
    recordTransactions,
    {
      transactions: [{ transfers: accounts.map((to) => ({ from: 'world', to, amount: '100' })) }],
      atomic: true,
    },
    'endow',
  ),
]

/** Few accounts, small balances and few keys, so that everything gets into everything's way. */
export const requestsOf = (random: Random) => {
  const clientIds = Array.from({ length: 4 }, (_, i) => `00000000-0000-8000-8000-00000000001${i}`)

  const transaction = (): TransactionRequest => {
    const from = random.pick(accounts)
    const to = random.pick(accounts.filter((code) => code !== from))
    const amount = String(random.between(1, 90))
    if (random.chance(0.8)) return { transfers: [{ from, to, amount }] }
    const id = random.pick(clientIds)
    // Mostly the same content under the same id, as it should be.
    return random.chance(0.8)
      ? { id, transfers: [{ from: 'a', to: 'b', amount: id.slice(-2) }] }
      : { id, transfers: [{ from, to, amount }] }
  }

  /** Whatever may rest on what came before it, in the same batch or long ago. */
  const item = (): BatchItem => {
    const id = random.pick(clientIds)
    const holdOrNot = random.chance(0.5) ? ({ status: 'pending' } as const) : {}
    return random.pick<() => BatchItem>([
      () => ({ record: transaction() }),
      () => ({ record: { id, transfers: [{ from: 'a', to: 'b', amount: '9' }], ...holdOrNot } }),
      () => ({ post: { transaction: id, amount: '4', remainder: 'keep' } }),
      () => ({ void: { transaction: id } }),
      () => ({ reverse: { transaction: id } }),
      () => ({ open_account: { code: 'g', type: 'asset', currency: 'EUR' } }),
    ])()
  }

  const oneOf = (key: string | null): Request => {
    if (random.chance(0.05)) {
      const code = random.pick(['e', 'f', 'a'])
      return request(openAccounts, { accounts: [{ code, type: 'asset', currency: 'EUR' }] }, key)
    }
    if (random.chance(0.1)) {
      const items = Array.from({ length: random.between(1, 6) }, item)
      return request(applyBatch, { items, atomic: random.chance(0.5) }, key)
    }
    const transactions = Array.from({ length: random.pick([1, 1, 1, 3]) }, transaction)
    const atomic = transactions.length === 1 || random.chance(0.5)
    const hasIds = transactions.every(({ id }) => id !== undefined)
    return request(recordTransactions, { transactions, atomic }, key, hasIds)
  }

  const pool: Request[] = []
  const next = (): Request => {
    // A twin, or the key of another request with a body of its own.
    if (pool.length > 0 && random.chance(0.25)) {
      const { key } = random.pick(pool)
      return random.chance(0.7) ? random.pick(pool) : oneOf(key)
    }
    const made = oneOf(random.chance(0.75) ? `key-${pool.length}` : null)
    pool.push(made)
    return made
  }

  const list = () => Array.from({ length: random.between(2, 5) }, next)
  const clients = Array.from({ length: random.between(2, 5) }, list)
  return { opening, clients: [[...opening, ...clients[0]!], ...clients.slice(1)] }
}
