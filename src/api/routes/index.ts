import type { Dependencies } from '../dependencies.ts'
import type { Route } from '../route.ts'
import { accountRoutes } from './accounts.ts'
import { authRoutes } from './auth.ts'
import { batchRoutes } from './batches.ts'
import { bookRoutes } from './books.ts'
import { eventRoutes } from './events.ts'
import { integrityRoutes } from './integrity.ts'
import { memberRoutes } from './members.ts'
import { operationRoutes } from './operations.ts'
import { periodRoutes } from './periods.ts'
import { projectionRoutes } from './projections.ts'
import { reportRoutes } from './reports.ts'
import { transactionRoutes } from './transactions.ts'
import { userRoutes } from './users.ts'

/** The whole surface of the API. */
export const allRoutes = (dependencies: Dependencies): readonly Route[] => [
  ...authRoutes(dependencies),
  ...userRoutes(dependencies),
  ...bookRoutes(dependencies),
  ...memberRoutes(dependencies),
  ...accountRoutes(dependencies),
  ...transactionRoutes(dependencies),
  ...batchRoutes(),
  ...periodRoutes(dependencies),
  ...reportRoutes(dependencies),
  ...eventRoutes(dependencies),
  ...projectionRoutes(dependencies),
  ...operationRoutes(dependencies),
  ...integrityRoutes(dependencies),
]
