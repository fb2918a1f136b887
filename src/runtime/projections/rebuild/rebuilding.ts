import type { Database } from '../../postgres.ts'
import type { Projecting } from '../advance.ts'
import type { Build } from '../build.ts'

/** What work at a build needs. `projecting.stopping` is aborted when the work is to be left. */
export type Rebuilding = {
  readonly projecting: Projecting
  /** Connections of its own, whose statements may take long. */
  readonly db: Database
  /** Tables whose rows have a key by now. */
  readonly findable: Map<string, Promise<unknown>>
}

/** Work that stops here: the process ends, somebody else has the lease, or it is paused. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The build will never go live. Said to whoever asked for it. */
export class BuildFailed extends Error {
  override readonly name = 'BuildFailed'
  readonly report: object | null

  constructor(message: string, report: object | null = null) {
    super(message)
    this.report = report
  }
}

export const goOn = ({ projecting }: Rebuilding): void => {
  if (projecting.stopping.aborted) throw new Interrupted('the work was interrupted')
}

/** All parts of some work. Where it is interrupted, it is over when each of them has stopped. */
export const allOf = async (parts: readonly Promise<unknown>[]): Promise<void> => {
  try {
    await Promise.all(parts)
  } catch (error) {
    if (error instanceof Interrupted) await Promise.allSettled(parts)
    throw error
  }
}

export const quoted = ({ schema }: Build, name: string): string => `${schema}."${name}"`
