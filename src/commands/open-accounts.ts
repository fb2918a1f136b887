import Type, { type Static } from 'typebox'
import { AccountCode, AccountType } from '../domain/account.ts'
import { isInRange, SignedAmount } from '../domain/amount.ts'
import { type Book, exponentOf, hasCode } from '../domain/book.ts'
import { CurrencyCode } from '../domain/currency.ts'
import type { OpenedAccount } from '../domain/events/accounts-opened.ts'
import { Metadata } from '../domain/metadata.ts'
import { type Rejection, reject } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'

const Limit = (description: string) =>
  Type.Optional(Type.Union([SignedAmount, Type.Null()], { description }))

export const AccountRequest = Type.Object(
  {
    code: AccountCode,
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'The code if left out' }),
    ),
    type: AccountType,
    currency: CurrencyCode,
    min_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    max_balance: Limit('In the account’s normal sign; null or left out: no limit'),
    metadata: Type.Optional(Metadata),
  },
  { additionalProperties: false },
)
type AccountRequest = Static<typeof AccountRequest>

const OpenAccounts = Type.Object(
  { accounts: Type.Array(AccountRequest, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Opens one account or a batch of them: all, or none. */
export const openAccounts = command({
  name: 'OpenAccounts',
  data: OpenAccounts,
  roles: ['owner', 'bookkeeper'],
  idsFor: ({ accounts }) => accounts.length,
  mentions: () => [],

  decide: ({ accounts }, book, { ids }) => {
    const codes = new Set<string>()
    const opened: OpenedAccount[] = []
    for (const [index, request] of accounts.entries()) {
      const rejection = check(request, index, codes, book)
      if (rejection) return refused(rejection)
      codes.add(request.code)
      opened.push(open(request, ids[index] as string, book))
    }
    return accepted({ type: 'AccountsOpened', data: { accounts: opened } })
  },
})

const check = (
  request: AccountRequest,
  index: number,
  codes: ReadonlySet<string>,
  book: Book,
): Rejection | null => {
  const { code, currency, min_balance: min, max_balance: max } = request
  const at = (path: string, reason: string) => [{ path: `/accounts/${index}/${path}`, reason }]
  if (uuid.test(code)) {
    const reason = 'A code must not look like an id. Choose one that is no UUID.'
    return reject('invalid_request', reason, at('code', reason))
  }
  if (codes.has(code) || hasCode(book, code)) {
    const reason = `The code ${code} is taken. Choose another or use that account.`
    return reject('account_code_taken', reason, at('code', reason))
  }
  if (exponentOf(book, currency) === undefined) {
    const reason = `${currency} is not in ISO 4217, and the book does not declare it.`
    return reject('unknown_currency', reason, at('currency', reason))
  }
  for (const [path, limit] of [
    ['min_balance', min],
    ['max_balance', max],
  ] as const) {
    if (limit == null || isInRange(BigInt(limit))) continue
    const reason = 'A limit has at most 38 digits.'
    return reject('amount_out_of_range', reason, at(path, reason))
  }
  if (min != null && max != null && BigInt(min) > BigInt(max)) {
    const reason = `The minimum ${min} is above the maximum ${max}.`
    return reject('invalid_request', reason, at('min_balance', reason))
  }
  return null
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
