import { createHash } from 'node:crypto'
import type { Deed } from './lives.ts'

/**
 * The rules of accounts and periods once more, written from the book of rules alone: it keeps what
 * was done, and looks through all of it whenever it is asked. Shares no code with the domain.
 */
export type NaiveOne = {
  code: string
  readonly grows: 'debit' | 'credit'
  min: number | null
  max: number | null
  status: 'open' | 'frozen' | 'closed'
}

type Line = { readonly of: NaiveOne; readonly change: number; readonly at: number }

/** Everything that it may answer. */
export const naiveWords = [
  'account_code_taken',
  'account_frozen',
  'account_not_empty',
  'account_not_found',
  'account_not_frozen',
  'balance_too_high',
  'balance_too_low',
  'changed',
  'closed',
  'existing',
  'frozen',
  'invalid_request',
  'limits_contradict',
  'noted',
  'opened',
  'period_closed',
  'period_not_closed',
  'period_not_over',
  'recorded',
  'reopened',
  'same_account',
  'transaction_id_taken',
  'transaction_not_found',
  'unfrozen',
]

const dayMs = 86_400_000

export const naiveLives = () => {
  const world: NaiveOne = { code: 'world', grows: 'credit', min: null, max: null, status: 'open' }
  /** In the order in which they were opened. */
  const all: NaiveOne[] = [world]
  const lines: Line[] = []
  const known = new Map<string, { what: string; asked: number; from: NaiveOne; to: NaiveOne }>()
  let periods: string[] = []

  const named = (code: string) => all.find((one) => one.code === code && one.status !== 'closed')
  const posted = (one: NaiveOne, some: readonly Line[] = lines) =>
    some.reduce((sum, { of, change }) => (of === one ? sum + change : sum), 0)
  const available = (one: NaiveOne, now: number, some: readonly Line[] = lines) =>
    posted(
      one,
      some.filter(({ change, at }) => change < 0 || at <= now),
    )
  const openFrom = () => {
    const last = periods.at(-1)
    return last === undefined ? Number.NEGATIVE_INFINITY : Date.parse(last) + dayMs
  }
  const crossed = (min?: number | null, max?: number | null) =>
    min != null && max != null && min > max

  const change = (deed: Extract<Deed, { kind: 'change' }>, now: number): string => {
    const { code, to = code, min, max, enforce } = deed
    if (crossed(min, max)) return 'invalid_request'
    const one = named(code)
    if (!one) return 'account_not_found'
    const least = min === undefined ? one.min : min
    const most = max === undefined ? one.max : max
    if (crossed(least, most)) return 'limits_contradict'
    if (to !== code && named(to)) return 'account_code_taken'
    const isHigher = least !== null && (one.min === null || least > one.min)
    const isLower = most !== null && (one.max === null || most < one.max)
    if (!enforce && isHigher && available(one, now) < least) return 'balance_too_low'
    if (!enforce && isLower && posted(one) > most) return 'balance_too_high'
    Object.assign(one, { code: to, min: least, max: most })
    return 'changed'
  }

  /** Which account a code means, or meant before nobody had it. */
  const meant = (code: string): NaiveOne | undefined => named(code) ?? lastNamed.get(code)
  const lastNamed = new Map<string, NaiveOne>()

  const pay = (deed: Extract<Deed, { kind: 'pay' }>, now: number): string => {
    const { from, to, amount, id, on, isForward } = deed
    const asked = on === undefined ? now : Date.parse(on)
    const before = id === undefined ? undefined : known.get(id)
    if (before) {
      const isSame =
        before.what === `${amount}` &&
        before.from === meant(from) &&
        before.to === meant(to) &&
        (on === undefined || asked === before.asked)
      return isSame ? 'existing' : 'transaction_id_taken'
    }
    const [payer, payee] = [named(from), named(to)]
    for (const one of [payer, payee]) {
      if (!one) return 'account_not_found'
      if (one.status === 'frozen') return 'account_frozen'
    }
    if (asked < openFrom() && !isForward) return 'period_closed'
    if (payer === payee) return 'same_account'
    const at = Math.max(asked, openFrom())
    const changeOf = (one: NaiveOne, side: 'debit' | 'credit') =>
      one.grows === side ? amount : -amount
    const then: Line[] = [
      ...lines,
      { of: payer!, change: changeOf(payer!, 'credit'), at },
      { of: payee!, change: changeOf(payee!, 'debit'), at },
    ]
    for (const one of [payer!, payee!]) {
      const left = available(one, now, then)
      if (one.min !== null && left < one.min && left < available(one, now)) return 'balance_too_low'
      const sum = posted(one, then)
      if (one.max !== null && sum > one.max && sum > posted(one)) return 'balance_too_high'
    }
    lines.push(...then.slice(lines.length))
    if (id !== undefined) known.set(id, { what: `${amount}`, asked, from: payer!, to: payee! })
    return 'recorded'
  }

  const act = (deed: Deed, now: number): string => {
    switch (deed.kind) {
      case 'open': {
        const { code, type, min = null, max = null } = deed
        if (named(code)) return 'account_code_taken'
        if (crossed(min, max)) return 'invalid_request'
        const grows = type === 'asset' ? 'debit' : 'credit'
        all.push({ code, grows, min, max, status: 'open' })
        return 'opened'
      }
      case 'change':
        return change(deed, now)
      case 'pay':
        return pay(deed, now)
      case 'note':
        return known.has(deed.id) ? 'noted' : 'transaction_not_found'
      case 'close period': {
        const { through } = deed
        if (Date.parse(through) + dayMs > now) return 'period_not_over'
        if (Date.parse(through) < openFrom()) return 'period_closed'
        periods.push(through)
        return 'closed'
      }
      case 'reopen period': {
        const { through } = deed
        const left = periods.filter((one) => through !== null && one <= through)
        if (left.length === periods.length) return 'period_not_closed'
        if (through !== null && left.at(-1) !== through) return 'period_not_closed'
        periods = left
        return 'reopened'
      }
      case 'freeze':
      case 'unfreeze':
      case 'close':
        return turn(deed, now)
    }
  }

  /** Freezes, unfreezes or closes an account. */
  const turn = (
    deed: Extract<Deed, { kind: 'freeze' | 'unfreeze' | 'close' }>,
    now: number,
  ): string => {
    const one = named(deed.code)
    if (!one) return 'account_not_found'
    if (deed.kind === 'close') {
      const isToCome = lines.some(({ of, at, change }) => of === one && change > 0 && at > now)
      if (posted(one) !== 0 || isToCome) return 'account_not_empty'
      one.status = 'closed'
      return 'closed'
    }
    const isFrozen = one.status === 'frozen'
    if (deed.kind === 'freeze') {
      if (isFrozen) return 'account_frozen'
      one.status = 'frozen'
      return 'frozen'
    }
    if (!isFrozen) return 'account_not_frozen'
    one.status = 'open'
    return 'unfrozen'
  }

  return {
    all: all as readonly NaiveOne[],
    act: (deed: Deed, now: number): string => {
      const word = act(deed, now)
      for (const one of all) if (one.status !== 'closed') lastNamed.set(one.code, one)
      return word
    },
    posted: (one: NaiveOne) => posted(one),
    available: (one: NaiveOne, now: number) => available(one, now),
    openFrom,
    /** Of the trial balance at the end of a day, the accounts called by these ids. */
    hash: (through: string, ids: readonly string[]): string => {
      const end = Date.parse(through) + dayMs
      const balances = all.map((one, place) => {
        const sum = posted(
          one,
          lines.filter(({ at }) => at < end),
        )
        return [ids[place]!, one.grows === 'debit' ? sum : -sum] as const
      })
      const text = balances
        .filter(([, debit]) => debit !== 0)
        .sort(([first], [second]) => (first < second ? -1 : 1))
        .map(([account, debit]) => {
          const [minus, plus] = [Math.max(-debit, 0), Math.max(debit, 0)]
          return `{"account_id":"${account}","credit":"${minus}","currency":"EUR","debit":"${plus}"}`
        })
        .join(',')
      return createHash('sha256').update(`[${text}]`).digest('hex')
    },
  }
}
