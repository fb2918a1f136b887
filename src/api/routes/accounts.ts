import Type from 'typebox'
import { AccountRequest, openAccounts } from '../../commands/open-accounts.ts'
import { getAccount } from '../../queries/get-account.ts'
import { BalanceResource, GetBalance, getBalance } from '../../queries/get-balance.ts'
import { ListAccounts, listAccounts } from '../../queries/list-accounts.ts'
import { ListEntries, listEntries } from '../../queries/list-entries.ts'
import { AccountResource, StatementLine } from '../../queries/resources.ts'
import { accountAnswers, headersOf } from '../answers.ts'
import type { Dependencies } from '../dependencies.ts'
import { AccountPath, BookPath, bookIdOf } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

const tag = 'accounts'

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
      const headers = { ...headersOf(done), Location: `/v1/books/${bookId}/accounts/${data?.id}` }
      return { status: 201, headers, data }
    },
  }),
  route({
    method: 'post',
    address: '/v1/books/{book}/accounts/batch',
    summary: 'Open up to 1,000 accounts, all or none',
    tag,
    schemas: { path: BookPath, body: openAccounts.data },
    answers: { 201: Type.Array(AccountResource) },
    refusals: ['book_not_found', 'account_code_taken', 'unknown_currency'],
    handle: async ({ path, body, execute }) => {
      const bookId = bookIdOf(path.book)
      const done = await execute(openAccounts, bookId, body)
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
