import Type from 'typebox'
import { closeAccount } from '../../commands/close-account.ts'
import { freezeAccount, unfreezeAccount } from '../../commands/freeze-account.ts'
import { AccountRequest, AccountsRequest, openAccounts } from '../../commands/open-accounts.ts'
import { AccountReplacement, replaceAccount } from '../../commands/replace-account.ts'
import { AccountChanges, updateAccount } from '../../commands/update-account.ts'
import type { RejectionCode } from '../../domain/rejection.ts'
import { accountTag } from '../../queries/account-tag.ts'
import { getAccount } from '../../queries/get-account.ts'
import { BalanceResource, GetBalance, getBalance } from '../../queries/get-balance.ts'
import { ListAccounts, listAccounts } from '../../queries/list-accounts.ts'
import { ListEntries, listEntries } from '../../queries/list-entries.ts'
import { AccountAnswer, AccountResource, StatementLine } from '../../queries/resources.ts'
import { accountAnswers, definitionReply, headersOf } from '../answers.ts'
import type { Dependencies } from '../dependencies.ts'
import { AccountPath, BookPath, bookIdOf } from '../parameters.ts'
import { read } from '../read.ts'
import { type Call, type Route, route } from '../route.ts'

const tag = 'accounts'

const refusals: readonly RejectionCode[] = [
  'book_not_found',
  'forbidden',
  'account_not_found',
  'account_closed',
  'idempotency_key_reused',
]
const ofDefinitions: readonly RejectionCode[] = [
  ...refusals,
  'account_code_taken',
  'amount_out_of_range',
  'balance_too_low',
  'balance_too_high',
]

const targetOf = ({
  path,
  versions,
}: Pick<Call<{ path: typeof AccountPath }>, 'path' | 'versions'>) => ({
  account: path.account,
  versions: versions && [...versions],
})

export const accountRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/accounts',
    summary: 'List accounts with their balances',
    tag,
    schemas: { path: BookPath, query: ListAccounts },
    answers: { 200: Type.Array(AccountResource) },
    refusals: ['book_not_found', 'invalid_cursor'],
    handle: (call) => read(dependencies, call, listAccounts, call.query),
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/accounts',
    summary: 'Open an account',
    tag,
    schemas: { path: BookPath, body: AccountRequest },
    answers: { 201: AccountResource },
    refusals: ['book_not_found', 'account_code_taken', 'unknown_currency'],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const done = await execute(openAccounts, bookId, { accounts: [body] })
      const [data] = accountAnswers(done, bookId)
      if (!data) throw new Error('an account was opened but is not in its event')
      const Location = `/v1/books/${bookId}/accounts/${data.id}`
      return {
        status: 201,
        headers: { ...headersOf(done), Location, ETag: accountTag(data) },
        data,
      }
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/accounts/batch',
    summary: 'Open up to 1,000 accounts, all or none',
    tag,
    schemas: { path: BookPath, body: AccountsRequest },
    answers: { 201: Type.Array(AccountResource) },
    refusals: ['book_not_found', 'account_code_taken', 'unknown_currency'],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const done = await execute(openAccounts, bookId, { ...body, isBatch: true })
      return { status: 201, headers: headersOf(done), data: accountAnswers(done, bookId) }
    },
  }),
  route({
    method: 'get',
    address: '/v1/books/{book}/accounts/{account}',
    summary: 'Get an account with its balances',
    tag,
    schemas: { path: AccountPath },
    answers: { 200: AccountResource },
    refusals: ['book_not_found', 'account_not_found'],
    handle: (call) => read(dependencies, call, getAccount, { account: call.path.account }),
  }),
  route({
    method: 'put',
    address: '/v1/books/{book}/accounts/{account}',
    summary: 'Replace an account’s definition',
    description: 'What is left out gets the value that it has when an account is opened.',
    tag,
    isConditional: true,
    schemas: { path: AccountPath, body: AccountReplacement },
    answers: { 200: AccountAnswer },
    refusals: [...ofDefinitions, 'type_mismatch', 'currency_mismatch'],
    handle: async (call) => {
      const bookId = bookIdOf(call.path.book)
      const data = { target: targetOf(call), replacement: call.body }
      const done = await call.execute(replaceAccount, bookId, data)
      return definitionReply(done, bookId, 'AccountUpdated')
    },
  }),
  route({
    method: 'patch',
    address: '/v1/books/{book}/accounts/{account}',
    summary: 'Change an account’s name, code, limits or metadata',
    description: 'What is left out stays as it is.',
    tag,
    isConditional: true,
    schemas: { path: AccountPath, body: AccountChanges },
    answers: { 200: AccountAnswer },
    refusals: [...ofDefinitions, 'limits_contradict', 'too_much_metadata'],
    handle: async (call) => {
      const bookId = bookIdOf(call.path.book)
      const data = { target: targetOf(call), changes: call.body }
      const done = await call.execute(updateAccount, bookId, data)
      return definitionReply(done, bookId, 'AccountUpdated')
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/accounts/{account}/freeze',
    summary: 'Freeze an account: it takes no entries until it is unfrozen',
    tag,
    isConditional: true,
    schemas: { path: AccountPath },
    answers: { 200: AccountAnswer },
    refusals: [...refusals, 'account_frozen'],
    handle: async (call) => {
      const bookId = bookIdOf(call.path.book)
      const done = await call.execute(freezeAccount, bookId, { target: targetOf(call) })
      return definitionReply(done, bookId, 'AccountFrozen')
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/accounts/{account}/unfreeze',
    summary: 'Unfreeze an account',
    tag,
    isConditional: true,
    schemas: { path: AccountPath },
    answers: { 200: AccountAnswer },
    refusals: [...refusals, 'account_not_frozen'],
    handle: async (call) => {
      const bookId = bookIdOf(call.path.book)
      const done = await call.execute(unfreezeAccount, bookId, { target: targetOf(call) })
      return definitionReply(done, bookId, 'AccountUnfrozen')
    },
  }),
  route({
    method: 'delete',
    address: '/v1/books/{book}/accounts/{account}',
    summary: 'Close an account for good',
    description:
      'It must hold nothing. Its code is free again at once; by its id it can be read for ever.',
    tag,
    isConditional: true,
    schemas: { path: AccountPath },
    answers: { 204: Type.Null() },
    refusals: [...refusals, 'account_not_empty'],
    handle: async (call) => {
      const bookId = bookIdOf(call.path.book)
      const done = await call.execute(closeAccount, bookId, { target: targetOf(call) })
      return { status: 204, headers: headersOf(done), data: null }
    },
  }),
  route({
    method: 'get',
    address: '/v1/books/{book}/accounts/{account}/entries',
    summary: 'Get an account’s statement, with its running balance',
    tag,
    schemas: { path: AccountPath, query: ListEntries },
    answers: { 200: Type.Array(StatementLine) },
    refusals: ['book_not_found', 'account_not_found', 'invalid_cursor'],
    handle: (call) =>
      read(dependencies, call, listEntries, { ...call.query, account: call.path.account }),
  }),
  route({
    method: 'get',
    address: '/v1/books/{book}/accounts/{account}/balance',
    summary: 'Get an account’s balance, now or at a date',
    tag,
    schemas: { path: AccountPath, query: GetBalance },
    answers: { 200: BalanceResource },
    refusals: ['book_not_found', 'account_not_found'],
    handle: (call) =>
      read(dependencies, call, getBalance, { ...call.query, account: call.path.account }),
  }),
]
