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
  'account_not_found',
  'amount_out_of_range',
  'balance_out_of_range',
  'balance_too_high',
  'balance_too_low',
  'currency_mismatch',
  'existing',
  'recorded',
  'same_account',
  'too_few_entries',
  'transaction_id_taken',
  'unbalanced',
]

type Line = { code: string; change: bigint; effectiveAt: number }

export const naiveLedger = (accounts: readonly NaiveAccount[]) => {
  let lines: Line[] = []
  let taken = new Map<string, string>()

  const accountOf = (code: string) => accounts.find((account) => account.code === code)

  const posted = (code: string, all: readonly Line[] = lines): bigint =>
    all.reduce((sum, line) => (line.code === code ? sum + line.change : sum), 0n)

  const available = (code: string, now: number, all: readonly Line[] = lines): bigint =>
    all
      .filter((line) => line.code === code && (line.change < 0n || line.effectiveAt <= now))
      .reduce((sum, { change }) => sum + change, 0n)

  const written = ({ entries = [], transfers = [] }: TransactionRequest) => [
    ...entries,
    ...transfers.flatMap(({ from, to, ...rest }) => [
      { account: from, direction: 'credit' as const, ...rest },
      { account: to, direction: 'debit' as const, ...rest },
    ]),
  ]

  const contentOf = (request: TransactionRequest): string =>
    JSON.stringify(
      written(request).map(({ account, direction, amount }) => [account, direction, amount]),
    )

  const record = (request: TransactionRequest, now: number): string => {
    const { id, effective_at } = request
    const known = id === undefined ? undefined : taken.get(id)
    if (known !== undefined)
      return known === contentOf(request) ? 'existing' : 'transaction_id_taken'

    const all = written(request)
    if (all.length < 2) return 'too_few_entries'
    if (all.some(({ amount }) => amount === '0' || amount.length > 38)) return 'amount_out_of_range'
    for (const { account, currency } of all) {
      const found = accountOf(account)
      if (!found) return 'account_not_found'
      if (currency && currency !== found.currency) return 'currency_mismatch'
    }

    const effectiveAt = effective_at === undefined ? now : Date.parse(effective_at)
    const sums: Record<string, bigint> = {}
    const added = all.map(({ account, direction, amount }): Line => {
      const { grows, currency } = accountOf(account)!
      sums[currency] = (sums[currency] ?? 0n) + (direction === 'debit' ? 1n : -1n) * BigInt(amount)
      const change = direction === grows ? BigInt(amount) : -BigInt(amount)
      return { code: account, change, effectiveAt }
    })
    if (Object.values(sums).some((sum) => sum !== 0n)) return 'unbalanced'
    const touched = [...new Set(added.map(({ code }) => code))]
    if (touched.length < 2) return 'same_account'

    const then = [...lines, ...added]
    for (const code of touched) {
      const { min, max } = accountOf(code)!
      const balance = posted(code, then)
      if (String(balance).replace('-', '').length > 38) return 'balance_out_of_range'
      const left = available(code, now, then)
      if (min !== null && left < min && left < available(code, now)) return 'balance_too_low'
      if (max !== null && balance > max && balance > posted(code)) return 'balance_too_high'
    }
    lines = then
    if (id !== undefined) taken.set(id, contentOf(request))
    return 'recorded'
  }

  /** What becomes of each item; of an atomic batch with a refused one, the first refusal alone. */
  const recordBatch = (
    items: readonly TransactionRequest[],
    isAtomic: boolean,
    now: number,
  ): string[] => {
    const before = { lines, taken: new Map(taken) }
    const results: string[] = []
    for (const item of items) {
      const result = record(item, now)
      if (isAtomic && result !== 'recorded' && result !== 'existing') {
        lines = before.lines
        taken = before.taken
        return [result]
      }
      results.push(result)
    }
    return results
  }

  return {
    recordBatch,
    posted: (code: string) => posted(code),
    available: (code: string, now: number) => available(code, now),
  }
}
