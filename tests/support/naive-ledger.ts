import type { TransactionRequest } from '../../src/commands/record-transactions.ts'

/**
 * The rules of the ledger once more, written from the book of rules alone: it keeps every line ever
 * recorded and adds all of them up whenever it is asked. Shares no code with the domain.
 */
export type NaiveAccount = {
  readonly code: string
  readonly grows: 'debit' | 'credit'
  readonly currency: string
  readonly min: bigint | null
  readonly max: bigint | null
}

/** Everything that it may answer for an item. */
export const naiveResults = [
  'account_frozen',
  'account_not_found',
  'amount_out_of_range',
  'balance_out_of_range',
  'balance_too_high',
  'balance_too_low',
  'currency_mismatch',
  'existing',
  'guard_failed',
  'invalid_request',
  'recorded',
  'reference_taken',
  'same_account',
  'too_few_entries',
  'transaction_id_taken',
  'unbalanced',
]

export const naiveLimits = ['balance_out_of_range', 'balance_too_high', 'balance_too_low']

/** Everything that it may answer for what is done to a transaction or an account, beside these. */
export const naiveEnds = [
  'account_frozen',
  'account_not_found',
  'account_not_frozen',
  'already_reversed',
  'amount_exceeds_hold',
  'amount_out_of_range',
  'frozen',
  'hold_already_posted',
  'hold_already_voided',
  'hold_expired',
  'hold_needs_entries',
  'not_pending',
  'not_posted',
  'posted',
  'recorded',
  'same_account',
  'too_few_entries',
  'transaction_not_found',
  'unbalanced',
  'unfrozen',
  'voided',
]

/** One thing of a batch of all kinds. */
export type NaiveItem =
  | { readonly kind: 'open'; readonly account: NaiveAccount }
  | { readonly kind: 'record'; readonly request: TransactionRequest }
  | { readonly kind: 'void'; readonly transaction: string }
  | { readonly kind: 'post'; readonly transaction: string; readonly posting: Posting }
  | { readonly kind: 'reverse'; readonly transaction: string; readonly reversal: Reversal }
  | { readonly kind: 'freeze' | 'unfreeze'; readonly account: string }

const naiveDone = [
  'existing',
  'frozen',
  'opened',
  'posted',
  'recorded',
  'reversed',
  'unfrozen',
  'voided',
]

/** `of` is the transaction that it belongs to, where that has an id of its client's. */
type Line = { code: string; change: bigint; effectiveAt: number; of: string | undefined }

/** A line of a hold: `grows` is 1 where it would add to its account, -1 where it would take. */
type HeldLine = {
  readonly code: string
  readonly direction: 'debit' | 'credit'
  readonly grows: bigint
  left: bigint
}
type Held = {
  readonly id: string
  readonly until: number
  readonly lines: HeldLine[]
  end: string | null
}

type Part = { account: string; direction: 'debit' | 'credit'; amount: string }
type Guards = {
  readonly account_revision?: number | undefined
  readonly available_balance?: { gte?: string | undefined; lte?: string | undefined } | undefined
}
type Posting = {
  amount?: string | undefined
  entries?: readonly Part[] | undefined
  remainder?: 'keep' | 'release' | undefined
  effective_at?: string | undefined
}

type Reversal = { effective_at?: string | undefined; force?: boolean | undefined }

export const naiveLedger = (given: readonly NaiveAccount[]) => {
  let accounts = [...given]
  let lines: Line[] = []
  let taken = new Map<string, string>()
  let holds = new Map<string, Held>()
  let references = new Set<string>()
  let reversed = new Set<string>()
  let frozen = new Set<string>()
  /** The book was opened at revision 0, and all accounts at 1. */
  let revision = 1
  let changedAt = new Map<string, number>()

  const accountOf = (code: string) => accounts.find((account) => account.code === code)

  const sumOf = (code: string, some: readonly { code: string; change: bigint }[]): bigint =>
    some.reduce((sum, line) => (line.code === code ? sum + line.change : sum), 0n)

  const posted = (code: string, all: readonly Line[] = lines): bigint => sumOf(code, all)

  /** What open holds would add to an account, or take from it. */
  const pending = (code: string, way: 1n | -1n, also: readonly HeldLine[] = []): bigint => {
    const open = [...holds.values()].filter(({ end }) => end === null)
    return [...open.flatMap((hold) => hold.lines), ...also]
      .filter((line) => line.code === code && line.grows === way)
      .reduce((sum, { left }) => sum + left, 0n)
  }

  const available = (
    code: string,
    now: number,
    all: readonly Line[] = lines,
    also: readonly HeldLine[] = [],
  ): bigint =>
    sumOf(
      code,
      all.filter(({ change, effectiveAt }) => change < 0n || effectiveAt <= now),
    ) - pending(code, -1n, also)

  /** The accounts of lines that change something do so at the next revision. */
  const touch = (some: readonly { code: string; amount: bigint }[]): void => {
    for (const { code, amount } of some) if (amount !== 0n) changedAt.set(code, revision + 1)
  }

  const release = (hold: Held, end: string): void => {
    touch(hold.lines.map(({ code, left }) => ({ code, amount: left })))
    hold.end = end
    revision++
  }

  /** Holds end when their time has come, the first to end first. */
  const expire = (now: number): void => {
    const due = [...holds.values()].filter(({ end, until }) => end === null && until <= now)
    due.sort((one, other) => one.until - other.until || (one.id < other.id ? -1 : 1))
    for (const hold of due) release(hold, 'hold_expired')
  }

  const written = ({ entries = [], transfers = [] }: TransactionRequest) => [
    ...entries,
    ...transfers.flatMap(({ from, to, ...rest }) => [
      { account: from, direction: 'credit' as const, ...rest },
      { account: to, direction: 'debit' as const, ...rest },
    ]),
  ]

  const contentOf = (request: TransactionRequest): string => {
    const { status = 'posted', expires_at = null, reference = null } = request
    const all = written(request)
    const what = all.map(({ account, direction, amount }) => [account, direction, amount])
    return JSON.stringify([status, expires_at, reference, what])
  }

  const isSameAgain = (request: TransactionRequest, known: string): boolean => {
    const { effective_at } = request
    const [content, date] = known.split(' at ')
    return content === contentOf(request) && (effective_at === undefined || effective_at === date)
  }

  const isOutOfRange = (amount: string): boolean => amount === '0' || amount.length > 38

  const isBalanced = (some: readonly Part[]): boolean => {
    const sums: Record<string, bigint> = {}
    for (const { account, direction, amount } of some) {
      const { currency } = accountOf(account)!
      sums[currency] = (sums[currency] ?? 0n) + (direction === 'debit' ? 1n : -1n) * BigInt(amount)
    }
    return Object.values(sums).every((sum) => sum === 0n)
  }

  /** What forbids these lines and held lines on top of all others, if anything does. */
  const limitBroken = (
    added: readonly Line[],
    held: readonly HeldLine[],
    now: number,
    isForced: boolean,
  ): string | null => {
    const then = [...lines, ...added]
    for (const code of new Set([...added, ...held].map((line) => line.code))) {
      const { min, max } = accountOf(code)!
      const most = posted(code, then) + pending(code, 1n, held)
      const least = posted(code, then) - pending(code, -1n, held)
      if ([most, least].some((sum) => String(sum).replace('-', '').length > 38)) {
        return 'balance_out_of_range'
      }
      if (isForced) continue
      const left = available(code, now, then, held)
      if (min !== null && left < min && left < available(code, now)) return 'balance_too_low'
      if (max !== null && most > max && most > posted(code) + pending(code, 1n)) {
        return 'balance_too_high'
      }
    }
    return null
  }

  const record = (request: TransactionRequest, now: number): string => {
    const { id, effective_at, status, expires_at, reference } = request
    const known = id === undefined ? undefined : taken.get(id)
    if (known !== undefined) {
      return isSameAgain(request, known) ? 'existing' : 'transaction_id_taken'
    }
    const all = written(request)
    if (all.length < 2) return 'too_few_entries'
    if (all.some(({ amount }) => isOutOfRange(amount))) return 'amount_out_of_range'
    if (expires_at !== undefined && Date.parse(expires_at) <= now) return 'invalid_request'
    for (const { account, currency } of all) {
      const found = accountOf(account)
      if (!found) return 'account_not_found'
      if (frozen.has(account)) return 'account_frozen'
      if (currency && currency !== found.currency) return 'currency_mismatch'
    }
    if (!isBalanced(all)) return 'unbalanced'

    const effectiveAt = effective_at === undefined ? now : Date.parse(effective_at)
    const added: Line[] = []
    const held: HeldLine[] = []
    for (const { account: code, direction, amount } of all) {
      const grows = accountOf(code)!.grows === direction ? 1n : -1n
      if (status === 'pending') held.push({ code, direction, grows, left: BigInt(amount) })
      else added.push({ code, change: grows * BigInt(amount), effectiveAt, of: id })
    }
    const touched = [...new Set(all.map(({ account }) => account))]
    if (touched.length < 2) return 'same_account'
    for (const line of request.entries ?? []) {
      const left = available(line.account, now, [...lines, ...added], held)
      if (!isMet(line, changedAt.get(line.account) ?? 1, left)) return 'guard_failed'
    }

    const beyond = limitBroken(added, held, now, false)
    if (beyond) return beyond
    if (reference !== undefined && references.has(reference)) return 'reference_taken'
    if (reference !== undefined) references.add(reference)
    lines = [...lines, ...added]
    touch(all.map(({ account: code }) => ({ code, amount: 1n })))
    if (id !== undefined)
      taken.set(id, `${contentOf(request)} at ${new Date(effectiveAt).toISOString()}`)
    if (status === 'pending') {
      const until = expires_at === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires_at)
      const name = id ?? `hold ${holds.size}`
      holds.set(name, { id: name, until, lines: held, end: null })
    }
    return 'recorded'
  }

  /** What becomes of each item; of an atomic batch with a refused one, the first refusal alone. */
  const recordBatch = (
    items: readonly TransactionRequest[],
    isAtomic: boolean,
    now: number,
  ): string[] => {
    expire(now)
    const before = { lines, taken, holds, references, changedAt }
    changedAt = new Map(changedAt)
    taken = new Map(taken)
    holds = new Map(holds)
    references = new Set(references)
    const results: string[] = []
    for (const item of items) {
      const result = record(item, now)
      if (isAtomic && result !== 'recorded' && result !== 'existing') {
        ;({ lines, taken, holds, references, changedAt } = before)
        return [result]
      }
      results.push(result)
    }
    if (results.includes('recorded')) revision++
    return results
  }

  const open = (account: NaiveAccount): string => {
    if (accountOf(account.code)) return 'account_code_taken'
    accounts = [...accounts, account]
    return 'opened'
  }

  const doOne = (item: NaiveItem, now: number): string => {
    switch (item.kind) {
      case 'open':
        return open(item.account)
      case 'record':
        return record(item.request, now)
      case 'void':
        return voidHold(item.transaction, now)
      case 'post':
        return postHold(item.transaction, item.posting, now)
      case 'reverse':
        return reverse(item.transaction, item.reversal, now).replace('recorded', 'reversed')
      case 'freeze':
        return freeze(item.account, now)
      case 'unfreeze':
        return unfreeze(item.account, now)
    }
  }

  /**
   * What becomes of each item of any kind, of an atomic batch as of one of transactions. No guard may
   * ask for a revision.
   */
  const doBatch = (items: readonly NaiveItem[], isAtomic: boolean, now: number): string[] => {
    expire(now)
    const before = structuredClone({ accounts, lines, taken, holds, references, reversed, frozen })
    const results: string[] = []
    for (const item of items) {
      const result = doOne(item, now)
      if (isAtomic && !naiveDone.includes(result)) {
        ;({ accounts, lines, taken, holds, references, reversed, frozen } = before)
        return [result]
      }
      results.push(result)
    }
    return results
  }

  const findOpen = (id: string, now: number): Held | string => {
    expire(now)
    const hold = holds.get(id)
    if (!hold) return taken.has(id) ? 'not_pending' : 'transaction_not_found'
    return hold.end ?? hold
  }

  const voidHold = (id: string, now: number): string => {
    const hold = findOpen(id, now)
    if (typeof hold === 'string') return hold
    release(hold, 'hold_already_voided')
    return 'voided'
  }

  /** How much of each line is posted, or why it cannot be. */
  const sharesOf = ({ lines: all }: Held, { amount, entries }: Posting): bigint[] | string => {
    if (amount !== undefined) {
      if (isOutOfRange(amount)) return 'amount_out_of_range'
      if (all.length > 2) return 'hold_needs_entries'
      return BigInt(amount) > all[0]!.left ? 'amount_exceeds_hold' : all.map(() => BigInt(amount))
    }
    if (entries === undefined) return all.map(({ left }) => left)
    const shares = all.map(() => 0n)
    for (const { account, direction, amount: wanted } of entries) {
      if (isOutOfRange(wanted)) return 'amount_out_of_range'
      if (!accountOf(account)) return 'account_not_found'
      // One unit after the other would be plainest; this is that, all at once.
      let missing = BigInt(wanted)
      for (const [place, line] of all.entries()) {
        const free = line.left - shares[place]!
        const isMeant = line.code === account && line.direction === direction
        const share = !isMeant ? 0n : free < missing ? free : missing
        shares[place] = shares[place]! + share
        missing -= share
      }
      if (missing > 0n) return 'amount_exceeds_hold'
    }
    const some = all
      .map(({ code, direction }, place) => ({
        account: code,
        direction,
        amount: String(shares[place]),
      }))
      .filter((line) => line.amount !== '0')
    if (some.length < 2) return 'too_few_entries'
    if (!isBalanced(some)) return 'unbalanced'
    return new Set(some.map(({ account }) => account)).size < 2 ? 'same_account' : shares
  }

  const postHold = (id: string, posting: Posting, now: number): string => {
    const hold = findOpen(id, now)
    if (typeof hold === 'string') return hold
    const shares = sharesOf(hold, posting)
    if (typeof shares === 'string') return shares
    if (hold.lines.some(({ code }, place) => shares[place] !== 0n && frozen.has(code))) {
      return 'account_frozen'
    }
    const { effective_at, remainder } = posting
    const effectiveAt = effective_at === undefined ? now : Date.parse(effective_at)
    for (const [place, { code, grows }] of hold.lines.entries()) {
      lines = [...lines, { code, change: grows * shares[place]!, effectiveAt, of: id }]
    }
    for (const [place, line] of hold.lines.entries()) {
      const left = remainder === 'keep' ? line.left - shares[place]! : 0n
      touch([{ code: line.code, amount: line.left - left }])
      line.left = left
    }
    revision++
    if (hold.lines.every(({ left }) => left === 0n)) hold.end = 'hold_already_posted'
    return 'posted'
  }

  /** All that counts of a transaction, the other way round. */
  const reverse = (id: string, { effective_at, force = false }: Reversal, now: number): string => {
    expire(now)
    if (!taken.has(id)) return 'transaction_not_found'
    if (reversed.has(id)) return 'already_reversed'
    const own = lines.filter((line) => line.of === id && line.change !== 0n)
    if (own.length === 0 || holds.get(id)?.end === null) return 'not_posted'
    if (own.some(({ code }) => frozen.has(code))) return 'account_frozen'
    const last = own.at(-1)!.effectiveAt
    const when =
      effective_at === 'original'
        ? last
        : effective_at === undefined
          ? now
          : Date.parse(effective_at)
    const mirrored = own.map(({ code, change }) => ({
      code,
      change: -change,
      effectiveAt: when,
      of: undefined,
    }))
    const beyond = limitBroken(mirrored, [], now, force)
    if (beyond) return beyond
    reversed.add(id)
    lines = [...lines, ...mirrored]
    touch(mirrored.map(({ code, change }) => ({ code, amount: change })))
    revision++
    return 'recorded'
  }

  const freeze = (code: string, now: number): string => {
    expire(now)
    if (frozen.has(code)) return 'account_frozen'
    frozen.add(code)
    revision++
    return 'frozen'
  }

  const unfreeze = (code: string, now: number): string => {
    expire(now)
    if (!frozen.delete(code)) return 'account_not_frozen'
    revision++
    return 'unfrozen'
  }

  return {
    freeze,
    unfreeze,
    reverse,
    recordBatch,
    doBatch,
    postHold,
    voidHold,
    posted: (code: string) => posted(code),
    available: (code: string, now: number) => available(code, now),
    pendingIncrease: (code: string) => pending(code, 1n),
    /** The revision at which its balances changed last. */
    changedAt: (code: string) => changedAt.get(code) ?? 1,
  }
}

const isMet = (
  { account_revision, available_balance: { gte, lte } = {} }: Guards,
  changedAt: number,
  left: bigint,
): boolean =>
  (account_revision === undefined || account_revision === changedAt) &&
  (gte === undefined || left >= BigInt(gte)) &&
  (lte === undefined || left <= BigInt(lte))
