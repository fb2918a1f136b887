import type { BalanceIndex } from '../commands/fetch-trial-balance.ts'
import { toInstant } from '../domain/instant.ts'
import type { TrialBalance } from '../domain/trial-balance.ts'
import { type TrialBalanceResource, trialBalance } from '../queries/trial-balance.ts'
import type { ReadModelAccess } from './read-model.ts'

const nobody = { member: null, minRevision: null }

/** Trial balances as the read model has them: the same that anybody is shown. */
export const balanceIndex =
  ({ ask }: Pick<ReadModelAccess, 'ask'>): BalanceIndex =>
  async (bookId, end) => {
    const question = { effective_at: toInstant(end - 1) }
    const { body, revision } = await ask(trialBalance, bookId, question, nobody)
    const { data } = JSON.parse(body) as { data: TrialBalanceResource }
    const balance: TrialBalance = new Map()
    for (const { account_id, currency, debit, credit } of data.accounts) {
      balance.set(account_id, { currency, debit: BigInt(debit) - BigInt(credit) })
    }
    return { revision, balance }
  }
