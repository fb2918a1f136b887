import type { Definition, DefinitionChange, PeriodChange } from './changes.ts'
import type { Account, Ledger } from './ledger.ts'

/** The definition that is asked for; what it leaves out stays as it is, or is as it began. */
export const wantedOf = (account: Account, change: DefinitionChange): Definition => {
  const before = account.definition as unknown as Definition
  if (!('body' in change)) return before
  const { enforce: _, metadata, ...fields } = change.body
  if (change.action === 'replace') {
    const { code = before.code } = fields
    const none = { min_balance: null, max_balance: null }
    return { ...before, ...none, name: code, ...fields, metadata: metadata ?? {} }
  }
  const notes = Object.entries({ ...before.metadata, ...metadata })
  return {
    ...before,
    ...fields,
    metadata: Object.fromEntries(notes.filter(([, note]) => note !== null)),
  }
}

/** Every reason for which this ledger has to refuse the change; none if it has to take it. */
export const reasonsAgainstDefinition = (ledger: Ledger, change: DefinitionChange): string[] => {
  const account = ledger.codes.get(change.account)
  if (!account) return ['account_not_found']
  switch (change.action) {
    case 'freeze':
      return account.status === 'frozen' ? ['account_frozen'] : []
    case 'unfreeze':
      return account.status === 'frozen' ? [] : ['account_not_frozen']
    case 'close': {
      const { posted, pendingIncrease, pendingDecrease } = account
      const isEmpty = posted === 0n && pendingIncrease === 0n && pendingDecrease === 0n
      return isEmpty ? [] : ['account_not_empty']
    }
    case 'update':
    case 'replace':
      return reasonsAgainstTerms(ledger, account, change)
  }
}

const reasonsAgainstTerms = (
  ledger: Ledger,
  account: Account,
  change: Extract<DefinitionChange, { body: object }>,
): string[] => {
  const { code, min_balance, max_balance } = wantedOf(account, change)
  const min = min_balance === null ? null : BigInt(min_balance)
  const max = max_balance === null ? null : BigInt(max_balance)
  const reasons: string[] = []
  if (code !== account.code && ledger.codes.has(code)) reasons.push('account_code_taken')
  if (min !== null && max !== null && min > max) reasons.push('limits_contradict')
  if (change.body.enforce === 'future') return reasons
  // Such accounts take nothing that is dated in the future, so all that is posted is available.
  const least = account.posted - account.pendingDecrease
  const most = account.posted + account.pendingIncrease
  const isHigher = min !== null && (account.min === null || min > account.min)
  const isLower = max !== null && (account.max === null || max < account.max)
  if (isHigher && least < min) reasons.push('balance_too_low')
  if (isLower && most > max) reasons.push('balance_too_high')
  return reasons
}

/** The harness closes what is long over, or what will not be over for long. */
export const reasonsAgainstPeriod = (ledger: Ledger, change: PeriodChange): string[] => {
  const { closed } = ledger
  const { through } = change
  const last = closed.at(-1)
  if (change.action === 'close') {
    if (change.through > ledger.updatedAt) return ['period_not_over']
    return last && change.through <= last.through ? ['period_closed'] : []
  }
  const stays = through === null || closed.some((one) => one.through === through)
  return last && stays && last.through !== through ? [] : ['period_not_closed']
}
