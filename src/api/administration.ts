import type { PageParameters } from '../queries/page.ts'
import type {
  FailureResource,
  OperationResource,
  ProjectedBook,
  ProjectionResource,
  SkipResource,
} from '../queries/projections.ts'
import type { Envelope } from '../queries/query.ts'

export type Rebuild = {
  readonly kind: 'rebuild' | 'diff'
  /** Those to fold anew, the others being copied; null for all. */
  readonly books: readonly string[] | null
  readonly mayDiffer: boolean
  readonly keepSeconds: number
}

/** What an administrator can see and do of projections. Names that do not exist are refused. */
export type Administration = {
  readonly list: () => Promise<ProjectionResource[]>
  readonly books: (name: string, parameters: PageParameters) => Promise<Envelope<ProjectedBook[]>>
  readonly failures: (
    name: string,
    parameters: PageParameters,
  ) => Promise<Envelope<FailureResource[]>>
  readonly rebuild: (name: string, rebuild: Rebuild, actor: string) => Promise<OperationResource>
  readonly rollback: (name: string) => Promise<OperationResource>
  readonly retry: (name: string, bookId: string) => Promise<void>
  readonly skip: (name: string, bookId: string, reason: string, actor: string) => Promise<void>
  readonly skips: (name: string, parameters: PageParameters) => Promise<Envelope<SkipResource[]>>
  readonly operations: {
    readonly find: (operation: string) => Promise<OperationResource>
    readonly list: (parameters: PageParameters) => Promise<Envelope<OperationResource[]>>
    readonly change: (
      operation: string,
      change: 'pause' | 'resume' | 'cancel' | 'drop',
    ) => Promise<OperationResource>
  }
}
