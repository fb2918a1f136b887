import { TrialBalance, TrialBalanceResource, trialBalance } from '../../queries/trial-balance.ts'
import type { Dependencies } from '../dependencies.ts'
import { BookPath } from '../parameters.ts'
import { read } from '../read.ts'
import { type Route, route } from '../route.ts'

export const reportRoutes = (dependencies: Dependencies): Route[] => [
  route({
    method: 'get',
    address: '/v1/books/{book}/reports/trial-balance',
    summary: 'Get the trial balance, now or at a date',
    tag: 'reports',
    schemas: { path: BookPath, query: TrialBalance },
    answers: { 200: TrialBalanceResource },
    refusals: ['book_not_found'],
    handle: (call) => read(dependencies, call, trialBalance, call.query),
  }),
]
