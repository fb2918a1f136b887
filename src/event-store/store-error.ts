export type StoreErrorCode = 'locked' | 'corrupt' | 'unsupported_format' | 'broken_invariant'

/** Why the store cannot be opened or go on. The message says what is wrong and what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string) {
    super(message)
    this.name = 'StoreError'
    this.code = code
  }
}

/** An assertion that stays on in production: carrying on from a broken invariant loses data. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new StoreError('broken_invariant', `broken invariant: ${what}`)
}
