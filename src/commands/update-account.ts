import Type, { type Static } from 'typebox'
import { AccountCode } from '../domain/account.ts'
import type { DefinedAccount } from '../domain/events/account-defined.ts'
import { changeMetadata, MetadataChanges } from '../domain/metadata.ts'
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

export const AccountChanges = Type.Object(
  {
    code: Type.Optional(AccountCode),
    name: Type.Optional(AccountName),
    min_balance: Limit('null takes the limit away'),
    max_balance: Limit('null takes the limit away'),
    metadata: Type.Optional(MetadataChanges),
    enforce: Enforce,
  },
  { additionalProperties: false },
)
type AccountChanges = Static<typeof AccountChanges>

/** Changes what is named of an account's definition, and leaves the rest (RFC 7396). */
export const updateAccount = command({
  name: 'UpdateAccount',
  data: Type.Object({ target: AccountTarget, changes: AccountChanges }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ target }, book) => mentionsOf(target, book),

  decide: ({ target, changes }, book, circumstances) => {
    const { code, enforce } = changes
    const malformed =
      (code === undefined ? null : checkCodeForm(code, '')) ?? checkLimitForms(changes, '')
    if (malformed) return refused(malformed)
    return redefine(target, book, circumstances, (definition, account) => {
      const next = changed(definition, changes)
      if ('message' in next) return next
      return (
        checkDefinition(next, account, enforce, book, circumstances.now) ?? {
          type: 'AccountUpdated',
          data: { account: next },
        }
      )
    })
  },
})

const changed = (
  definition: DefinedAccount,
  { metadata: changes = {}, enforce: _, ...fields }: AccountChanges,
): DefinedAccount | Rejection => {
  const metadata = changeMetadata(definition.metadata, changes)
  if ('code' in metadata) return metadata
  const next: DefinedAccount = { ...definition, ...fields, ...metadata }
  const { code, min_balance: min, max_balance: max } = next
  if (min === null || max === null || BigInt(min) <= BigInt(max)) return next
  const reason = `The minimum of ${code} would be ${min}, above its maximum ${max}. Change both.`
  return reject('limits_contradict', reason)
}
