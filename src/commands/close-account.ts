import Type from 'typebox'
import { type Account, available } from '../domain/account.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { AccountTarget, mentionsOf, redefine } from './account-definition.ts'
import { command } from './command.ts'

/** Closes an account for good. It must hold nothing, and nothing may be to come. */
export const closeAccount = command({
  name: 'CloseAccount',
  data: Type.Object({ target: AccountTarget }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ target }, book) => mentionsOf(target, book),

  decide: ({ target }, book, circumstances) =>
    redefine(
      target,
      book,
      circumstances,
      (definition, account) =>
        checkEmpty(account, circumstances.now) ?? {
          type: 'AccountClosed',
          data: { account: { ...definition, status: 'closed' } },
        },
    ),
})

const checkEmpty = (account: Account, now: number): Rejection | null => {
  const { id, code, currency, posted, pendingIncrease } = account
  const left = available(account, now)
  if (pendingIncrease !== 0n || account.pendingDecrease !== 0n) {
    const reason = `Open holds name account ${code}. Post or void them first.`
    return reject('account_not_empty', reason, [{ account: id, code, reason }])
  }
  if (posted === 0n && left === 0n) return null
  const reason =
    `Account ${code} has a balance of ${posted} ${currency}, of which ${left} are available. ` +
    'Move what it holds elsewhere first.'
  const facts = { balance: String(posted), available: String(left) }
  return reject('account_not_empty', reason, [{ account: id, code, ...facts }])
}
