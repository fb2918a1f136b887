import type { Opening } from './plans.ts'
import type { Random } from './random.ts'

// What is seldom done to a book beside postings: accounts are defined anew, and periods closed.

/** What of an account's definition may change. */
export type Definition = {
  readonly code: string
  readonly name: string
  readonly min_balance: string | null
  readonly max_balance: string | null
  readonly metadata: Readonly<Record<string, string | null>>
}

/** What is asked of the account that has the code `account`. */
export type DefinitionChange = { readonly account: string } & (
  | { readonly action: 'freeze' | 'unfreeze' | 'close' }
  | {
      readonly action: 'update' | 'replace'
      readonly body: Partial<Definition> & { readonly enforce?: 'future' }
    }
)

export type PeriodChange =
  | { readonly action: 'close'; readonly through: string }
  | { readonly action: 'reopen'; readonly through: string | null }

const livingCount = 6
const livingCode = (random: Random, count: number) => `life:${random.int(0, count - 1)}`

/** Accounts that are renamed, limited, frozen, closed and opened again; all others stay as they are. */
export const livingAccounts: readonly Opening[] = Array.from({ length: livingCount }, (_, n) => ({
  code: `life:${n}`,
  type: 'asset',
  currency: 'EUR',
}))

/** One that may be there, or be no more. */
export const anyLiving = (random: Random): string => livingCode(random, livingCount)

/** Whether the code may mean another account, or none, later on. */
export const isLiving = (code: string): boolean => code.startsWith('life:')

/** Always the same amount, so that such accounts are often empty again and can be closed. */
export const livingAmount = 100

export const definitionChangeOf = (random: Random): DefinitionChange => {
  const account = anyLiving(random)
  const action = random.weighted({ update: 8, replace: 3, freeze: 4, unfreeze: 4, close: 4 })
  if (action !== 'update' && action !== 'replace') return { account, action }
  // A few codes more than there are accounts at first: some can be had, most are taken.
  const code = random.chance(0.2) ? livingCode(random, livingCount + 3) : account
  const body = {
    ...((action === 'replace' || random.chance(0.3)) && { code }),
    ...(random.chance(0.3) && { name: `name ${random.int(0, 9)}` }),
    ...limitsOf(random, action),
    ...(random.chance(0.4) && { metadata: notesOf(random, action) }),
    ...(random.chance(0.3) && { enforce: 'future' as const }),
  }
  return { account, action, body }
}

/** A change may contradict the other limit; what contradicts itself is no valid request. */
const limitsOf = (random: Random, action: 'update' | 'replace') => {
  const amount = () => (random.chance(0.3) ? null : String(random.int(-3, 3) * livingAmount))
  const which = random.weighted({ min: 3, max: 3, none: action === 'update' ? 2 : 6 })
  if (which === 'none') return {}
  return which === 'min' ? { min_balance: amount() } : { max_balance: amount() }
}

const notesOf = (random: Random, action: 'update' | 'replace') => {
  const value = action === 'update' && random.chance(0.3) ? null : `value ${random.int(0, 9)}`
  return { [`note_${random.int(0, 3)}`]: value }
}

const dayMs = 86_400_000

/** One of eleven days, so that some are closed twice; a few of the load's entries are older. */
const longAgo = (random: Random): string =>
  new Date(Date.now() - (100 + 20 * random.int(0, 10)) * dayMs).toISOString().slice(0, 10)

export const periodChangeOf = (random: Random): PeriodChange => {
  const what = random.weighted({ close: 6, future: 1, reopen: 2, all: 1 })
  switch (what) {
    case 'close':
      return { action: 'close', through: longAgo(random) }
    case 'future':
      return { action: 'close', through: '2999-12-31' }
    case 'reopen':
      return { action: 'reopen', through: longAgo(random) }
    case 'all':
      return { action: 'reopen', through: null }
  }
}
