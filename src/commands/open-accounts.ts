import Type, { type Static } from 'typebox'
import { AccountCode, AccountType } from '../domain/account.ts'
import { type Book, exponentOf, findAccount } from '../domain/book.ts'
import { CurrencyCode } from '../domain/currency.ts'
import type { OpenedAccount } from '../domain/events/accounts-opened.ts'
import { Metadata } from '../domain/metadata.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import {
  AccountName,
  checkCodeForm,
  checkLimitForms,
  codeTaken,
  Limit,
} from './account-definition.ts'
import { accepted, command, refused } from './command.ts'

export const AccountRequest = Type.Object(
  {
    code: AccountCode,
    name: Type.Optional(Type.Intersect([AccountName], { description: 'The code if left out' })),
    type: AccountType,
    currency: CurrencyCode,
    min_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    max_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    metadata: Type.Optional(Metadata),
  },
  { additionalProperties: false },
)
type AccountRequest = Static<typeof AccountRequest>

export const AccountsRequest = Type.Object(
  { accounts: Type.Array(AccountRequest, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)
const OpenAccounts = Type.Object({
  ...AccountsRequest.properties,
  /** Whether the request named them in a list, maybe of one. */
  isBatch: Type.Optional(Type.Boolean()),
})

/** Opens one account or a batch of them: all, or none. */
export const openAccounts = command({
  name: 'OpenAccounts',
  data: OpenAccounts,
  roles: ['owner', 'bookkeeper'],
  idsFor: ({ accounts }) => accounts.length,
  mentions: () => [],

  decide: ({ accounts, isBatch = accounts.length > 1 }, book, { ids }) => {
    const codes = new Set<string>()
    const opened: OpenedAccount[] = []
    for (const [index, request] of accounts.entries()) {
      const at = isBatch ? `/accounts/${index}` : ''
      const rejection = check(request, at, codes, book)
      if (rejection) return refused(rejection)
      codes.add(request.code)
      opened.push(open(request, ids[index] as string, book))
    }
    return accepted({ type: 'AccountsOpened', data: { accounts: opened } })
  },
})

const check = (
  request: AccountRequest,
  at: string,
  codes: ReadonlySet<string>,
  book: Book,
): Rejection | null => {
  const { code, currency } = request
  const malformed = checkCodeForm(code, at)
  if (malformed) return malformed
  if (codes.has(code) || findAccount(book, code)) return codeTaken(code, at)
  if (exponentOf(book, currency) === undefined) {
    const reason = `${currency} is not in ISO 4217, and the book does not declare it.`
    return reject('unknown_currency', reason, [{ path: `${at}/currency`, reason }])
  }
  return checkLimitForms(request, at)
}

const open = (request: AccountRequest, id: string, book: Book): OpenedAccount => ({
  id,
  code: request.code,
  name: request.name ?? request.code,
  type: request.type,
  currency: request.currency,
  exponent: exponentOf(book, request.currency) as number,
  min_balance: request.min_balance ?? null,
  max_balance: request.max_balance ?? null,
  metadata: request.metadata ?? {},
})
