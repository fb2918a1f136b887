import { randomUUID } from 'node:crypto'
import {
  anyLiving,
  type DefinitionChange,
  definitionChangeOf,
  livingAccounts,
  livingAmount,
  type PeriodChange,
  periodChangeOf,
} from './changes.ts'
import type { Request } from './http.ts'
import type { Item } from './mixed.ts'
import type { Random } from './random.ts'

export type Line = {
  readonly account: string
  readonly direction: 'debit' | 'credit'
  readonly amount: string
}

/** A transaction as the harness sends it: always spelled out, so that it can be compared. */
export type Posting = {
  readonly id?: string
  readonly status?: 'pending'
  readonly expires_at?: string
  readonly effective_at?: string
  readonly on_closed_period?: 'roll_forward'
  readonly description?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly entries: readonly Line[]
}

export type Opening = {
  readonly code: string
  readonly type: 'asset' | 'liability' | 'equity' | 'income' | 'expense'
  readonly currency: string
  readonly min_balance?: string
  readonly max_balance?: string
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** The accounts of every book before the faults begin. */
export const firstAccounts: readonly Opening[] = [
  { code: 'source:EUR', type: 'equity', currency: 'EUR' },
  { code: 'source:USD', type: 'equity', currency: 'USD' },
  { code: 'source:MUSD', type: 'income', currency: 'MUSD' },
  { code: 'hot', type: 'asset', currency: 'EUR' },
  ...numbers(24).map((n): Opening => ({ code: `a:${n}`, type: 'asset', currency: 'EUR' })),
  ...numbers(8).map(
    (n): Opening => ({ code: `wallet:${n}`, type: 'liability', currency: 'EUR', min_balance: '0' }),
  ),
  ...numbers(4).map(
    (n): Opening => ({ code: `cap:${n}`, type: 'asset', currency: 'EUR', max_balance: '4000' }),
  ),
  ...numbers(4).map((n): Opening => ({ code: `usd:${n}`, type: 'expense', currency: 'USD' })),
  ...numbers(4).map((n): Opening => ({ code: `musd:${n}`, type: 'asset', currency: 'MUSD' })),
  ...livingAccounts,
]

/** What is done to a hold, be it open or not. */
export type Settlement = {
  readonly action: 'post' | 'void' | 'reverse'
  /** Of a posting: the amount of both of its lines, of which the rest may be kept. */
  readonly body: { readonly amount?: string; readonly remainder?: 'keep' }
}

/** A command that a client could give, before its key. */
export type Plan =
  | { readonly kind: 'post'; readonly posting: Posting }
  | { readonly kind: 'batch'; readonly postings: readonly Posting[]; readonly atomic: boolean }
  | { readonly kind: 'settle'; readonly hold: string; readonly settlement: Settlement }
  | { readonly kind: 'mixed'; readonly items: readonly Item[]; readonly atomic: boolean }
  | { readonly kind: 'open'; readonly opening: Opening }
  | { readonly kind: 'open-batch'; readonly openings: readonly Opening[] }
  | { readonly kind: 'define'; readonly change: DefinitionChange }
  | { readonly kind: 'period'; readonly change: PeriodChange }

export const move = (from: string, to: string, amount: number): Line[] => [
  { account: from, direction: 'credit', amount: String(amount) },
  { account: to, direction: 'debit', amount: String(amount) },
]

const dayMs = 86_400_000

/** `number` marks every transaction of the command, so that each can be told from all others. */
export const planOf = (random: Random, number: number): Plan => {
  const mark = (item: number) => ({ command: String(number), item: String(item) })
  const kind = random.weighted({ post: 76, batch: 7, each: 8, open: 6, 'open-batch': 3 })
  switch (kind) {
    case 'post':
      return { kind, posting: posting(random, mark(0)) }
    case 'batch':
    case 'each': {
      const postings = Array.from({ length: random.int(2, 12) }, (_, item) =>
        posting(random, mark(item), kind === 'batch'),
      )
      return { kind: 'batch', postings, atomic: kind === 'batch' }
    }
    case 'open': {
      // Now and then a code that is taken, or that a twin takes at the same time.
      const codes = {
        taken: () => `a:${random.int(0, 23)}`,
        living: () => anyLiving(random),
        new: () => `new:${random.int(0, 100_000)}`,
      }
      const code = codes[random.weighted({ taken: 15, living: 15, new: 70 })]()
      return { kind, opening: { code, type: 'asset', currency: 'EUR' } }
    }
    case 'open-batch': {
      const openings = numbers(random.int(2, 6)).map(
        (n): Opening => ({ code: `more:${number}:${n}`, type: 'liability', currency: 'USD' }),
      )
      return { kind, openings }
    }
  }
}

const posting = (
  random: Random,
  metadata: Readonly<Record<string, string>>,
  isTame = false,
): Posting => {
  const a = () => `a:${random.int(0, 23)}`
  const wallet = () => `wallet:${random.int(0, 7)}`
  const kind = random.weighted({
    plain: 24,
    hot: 20,
    fund: 12,
    spend: isTame ? 3 : 26,
    cap: isTame ? 1 : 8,
    uncap: 5,
    mixed: 6,
    life: isTame ? 0 : 9,
    unknown: isTame ? 0 : 1.5,
    unbalanced: isTame ? 0 : 1.5,
  })
  switch (kind) {
    case 'plain':
      return { metadata, ...datedAtRandom(random), entries: move(a(), 'hot', random.int(1, 500)) }
    case 'hot':
      return { metadata, entries: move('hot', a(), random.int(1, 500)) }
    case 'fund':
      return { metadata, entries: move(wallet(), 'a:0', random.int(100, 2_000)) }
    case 'spend':
      return { metadata, entries: move('a:1', wallet(), random.int(50, 1_500)) }
    case 'cap':
      return { metadata, entries: move('a:2', `cap:${random.int(0, 3)}`, random.int(100, 1_500)) }
    case 'uncap':
      return { metadata, entries: move(`cap:${random.int(0, 3)}`, 'a:2', random.int(100, 1_500)) }
    case 'mixed':
      return {
        metadata,
        description: 'in three currencies',
        entries: [
          ...move('source:USD', `usd:${random.int(0, 3)}`, random.int(1, 100)),
          ...move('source:MUSD', `musd:${random.int(0, 3)}`, random.int(1, 100)),
          ...move('source:EUR', 'hot', random.int(1, 100)),
        ],
      }
    case 'life': {
      const [from, to] = random.chance(0.5)
        ? ['a:3', anyLiving(random)]
        : [anyLiving(random), 'a:3']
      return { metadata, entries: move(from as string, to as string, livingAmount) }
    }
    case 'unknown':
      return { metadata, entries: move('nobody', 'hot', 1) }
    case 'unbalanced': {
      const [first, ...rest] = move('a:3', 'hot', 10)
      return { metadata, entries: [{ ...(first as Line), amount: '11' }, ...rest] }
    }
  }
}

/** A hold between accounts with and without limits; some are over before anybody posts them. */
export const holdOf = (random: Random, number: number): Plan => {
  const wallet = () => `wallet:${random.int(0, 7)}`
  const cap = () => `cap:${random.int(0, 3)}`
  const kind = random.weighted({ spend: 4, fund: 2, cap: 3, plain: 3, life: 1 })
  const lines = {
    spend: () => move('a:1', wallet(), random.int(50, 1_500)),
    fund: () => move(wallet(), 'a:0', random.int(100, 1_000)),
    cap: () => move('a:2', cap(), random.int(100, 1_500)),
    plain: () => move(`a:${random.int(0, 23)}`, 'hot', random.int(1, 500)),
    life: () => move('a:3', anyLiving(random), livingAmount),
  }
  const ms = random.int(500, 20_000)
  const posting: Posting = {
    id: randomUUID(),
    status: 'pending',
    ...(random.chance(0.4) && { expires_at: new Date(Date.now() + ms).toISOString() }),
    metadata: { command: String(number), item: '0' },
    entries: lines[kind](),
  }
  return { kind: 'post', posting }
}

export const settlementOf = (random: Random, hold: string): Plan => {
  const action = random.weighted({ post: 6, void: 2, reverse: 2 })
  const isPart = action === 'post' && random.chance(0.5)
  const body = isPart
    ? {
        amount: String(random.int(1, 400)),
        ...(random.chance(0.6) && { remainder: 'keep' as const }),
      }
    : {}
  return { kind: 'settle', hold, settlement: { action, body } }
}

export const definitionOf = (random: Random): Plan => ({
  kind: 'define',
  change: definitionChangeOf(random),
})

export const periodOf = (random: Random): Plan => ({
  kind: 'period',
  change: periodChangeOf(random),
})

/** Of accounts without limits some entries are late, and some lie ahead. */
const datedAtRandom = (random: Random): Pick<Posting, 'effective_at' | 'on_closed_period'> => {
  if (random.chance(0.75)) return {}
  const days = random.chance(0.2) ? random.int(1, 3) : -random.int(0, 400)
  return {
    effective_at: new Date(Date.now() + days * dayMs).toISOString(),
    ...(random.chance(0.5) && { on_closed_period: 'roll_forward' }),
  }
}

const methods = { update: 'PATCH', replace: 'PUT', close: 'DELETE' } as const

export const methodOf = (plan: Plan): Request['method'] => {
  if (plan.kind !== 'define') return 'POST'
  const { action } = plan.change
  return action === 'freeze' || action === 'unfreeze' ? 'POST' : methods[action]
}

export const pathOf = (plan: Plan): string => {
  switch (plan.kind) {
    case 'post':
      return '/transactions'
    case 'batch':
      return '/transactions/batch'
    case 'settle':
      return `/transactions/${plan.hold}/${plan.settlement.action}`
    case 'mixed':
      return '/batch'
    case 'open':
      return '/accounts'
    case 'open-batch':
      return '/accounts/batch'
    case 'define': {
      const { account, action } = plan.change
      const isTurn = action === 'freeze' || action === 'unfreeze'
      return `/accounts/${account}${isTurn ? `/${action}` : ''}`
    }
    case 'period':
      return `/periods/${plan.change.action}`
  }
}

export const bodyOf = (plan: Plan): unknown => {
  switch (plan.kind) {
    case 'post':
      return plan.posting
    case 'batch':
      return { transactions: plan.postings, atomic: plan.atomic }
    case 'settle':
      return plan.settlement.action === 'void' ? null : plan.settlement.body
    case 'mixed':
      return { items: plan.items, atomic: plan.atomic }
    case 'open':
      return plan.opening
    case 'open-batch':
      return { accounts: plan.openings }
    case 'define':
      return 'body' in plan.change ? plan.change.body : undefined
    case 'period':
      return { through: plan.change.through }
  }
}

/** Nearly always refused: nothing is stored, so the answer rests on the tail of the stream alone. */
export const overdraft = (random: Random, number: number): Plan => ({
  kind: 'post',
  posting: {
    metadata: { command: String(number), item: '0' },
    entries: move('a:1', `wallet:${random.int(0, 7)}`, random.int(20_000, 60_000)),
  },
})

/** The same with an id of the client's own, which protects a retry where there is no key. */
export const withId = (plan: Plan): Plan =>
  plan.kind === 'post' ? { ...plan, posting: { ...plan.posting, id: randomUUID() } } : plan
