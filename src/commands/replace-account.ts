import Type, { type Static } from 'typebox'
import { AccountCode, AccountType } from '../domain/account.ts'
import { CurrencyCode } from '../domain/currency.ts'
import type { DefinedAccount } from '../domain/events/account-defined.ts'
import { Metadata } from '../domain/metadata.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import {
  AccountName,
  AccountTarget,
  checkCodeForm,
  checkDefinition,
  checkLimitForms,
  Enforce,
  Limit,
  mentionsOf,
  redefine,
} from './account-definition.ts'
import { command, refused } from './command.ts'

export const AccountReplacement = Type.Object(
  {
    code: AccountCode,
    name: Type.Optional(Type.Intersect([AccountName], { description: 'The code if left out' })),
    type: Type.Optional(
      Type.Intersect([AccountType], { description: 'As it is: it never changes' }),
    ),
    currency: Type.Optional(
      Type.Intersect([CurrencyCode], { description: 'As it is: it never changes' }),
    ),
    min_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    max_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    metadata: Type.Optional(Metadata),
    enforce: Enforce,
  },
  { additionalProperties: false },
)
type AccountReplacement = Static<typeof AccountReplacement>

/** Defines an account anew: what is left out gets the value that it has when one is opened. */
export const replaceAccount = command({
  name: 'ReplaceAccount',
  data: Type.Object({ target: AccountTarget, replacement: AccountReplacement }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ target }, book) => mentionsOf(target, book),

  decide: ({ target, replacement }, book, circumstances) => {
    const { code, name = code, min_balance = null, max_balance = null } = replacement
    const malformed = checkCodeForm(code, '') ?? checkLimitForms(replacement, '')
    if (malformed) return refused(malformed)
    return redefine(target, book, circumstances, (definition, account) => {
      const { metadata = {}, enforce } = replacement
      const next = { ...definition, code, name, min_balance, max_balance, metadata }
      return (
        checkFixed(replacement, definition) ??
        checkDefinition(next, account, enforce, book, circumstances.now) ?? {
          type: 'AccountUpdated',
          data: { account: next },
        }
      )
    })
  },
})

const checkFixed = (
  { type, currency }: AccountReplacement,
  { code, ...fixed }: DefinedAccount,
): Rejection | null => {
  if (type !== undefined && type !== fixed.type) {
    const reason = `Account ${code} is of type ${fixed.type} for good. Open another account.`
    return reject('type_mismatch', reason, [{ path: '/type', reason }])
  }
  if (currency !== undefined && currency !== fixed.currency) {
    const reason = `Account ${code} is in ${fixed.currency} for good. Open another account.`
    return reject('currency_mismatch', reason, [{ path: '/currency', reason }])
  }
  return null
}
