/** What a book can say, decided from the command and the book alone. */
export const byTheBook = {
  invalid_request: 'A field is missing, unknown or of the wrong form. See details.',
  book_not_found: 'There is no such book, or it is not yours.',
  account_not_found: 'There is no such account in this book. Open it first.',
  account_frozen: 'The account is frozen. Unfreeze it first.',
  account_not_frozen: 'The account is not frozen, so it cannot be unfrozen.',
  account_closed: 'The account is closed for good. Open another; its code is free.',
  account_not_empty: 'Only an account without balance, and without anything to come, is closed.',
  account_code_taken: 'Another open account of this book has this code.',
  book_id_taken: 'A book with this id is there already.',
  transaction_id_taken: 'Another transaction of this book has this id and other content.',
  transaction_not_found: 'There is no such transaction in this book.',
  reference_taken: 'Another transaction of this book has this reference. Choose another.',
  not_pending: 'The transaction was posted when it was recorded: there is nothing held.',
  hold_already_posted: 'The hold has been posted. What is posted can be reversed.',
  hold_already_voided: 'The hold has been voided.',
  hold_expired: 'The hold has expired.',
  amount_exceeds_hold: 'More than is held cannot be posted of a hold.',
  not_posted: 'Only what is posted can be reversed. Void what is pending.',
  already_reversed: 'The transaction has been reversed. Its reversal can be reversed in turn.',
  guard_failed: 'A condition of an entry does not hold. See details, and read the account again.',
  hold_needs_entries: 'A hold of more than two entries is posted in part by naming entries.',
  too_large: 'The request, or the event it would make, is too large. Split it.',
  unbalanced: 'Debits must equal credits in each currency.',
  too_few_entries: 'A transaction has at least two entries.',
  same_account: 'A transaction moves something between at least two accounts.',
  type_mismatch: 'The type is not that of the account, which never changes. Open another account.',
  currency_mismatch: 'The currency is not that of the account.',
  unknown_currency: 'Neither ISO 4217 nor the book knows this currency. Declare it with the book.',
  amount_out_of_range: 'An amount is above zero and has at most 38 digits; a limit has as many.',
  balance_out_of_range: 'A balance would need more than 38 digits.',
  balance_too_low: 'The account would fall below its minimum.',
  balance_too_high: 'The account would rise above its maximum.',
  period_closed: 'The date is in a period that is closed. Choose a later one, or roll forward.',
  period_not_closed: 'No period that is closed ends on this day.',
  period_not_over: 'Only a day that is over can be closed.',
  version_mismatch: 'The account was changed since the version in If-Match. Read it again.',
  limits_contradict: 'The minimum of the account would be above its maximum. Change both.',
  too_much_metadata: 'Metadata has at most 50 keys. Remove some.',
  idempotency_key_reused: 'This Idempotency-Key was used with another body. Use a new key.',
} as const

/** What a book can say of who may do what in it. */
export const byItsMembers = {
  forbidden: 'Your role does not allow this.',
  member_not_found: 'This user is no member of the book.',
  last_owner: 'A book keeps at least one owner. Make another user an owner first.',
} as const

/** What its writer can say when no decision was reached, or none that is certain. */
export const byTheWriter = {
  write_contention: 'Other writers of this book were faster five times. Try again.',
  outcome_unknown:
    'Whether this was stored is not known yet. Send it again with the same Idempotency-Key.',
  overloaded: 'Too much is waiting. Try again.',
  store_unavailable: 'The event store or the read model cannot be reached. Try again.',
} as const

/** What is said before a book is asked, or by those who read. */
export const atTheDoor = {
  malformed_json: 'The body is not JSON that can be read without loss. Mend it and send it again.',
  amount_not_a_string:
    'Amounts are strings of digits in minor units: a JSON number loses digits past 2^53.',
  unknown_parameter: 'A query parameter is not one that this route knows.',
  invalid_cursor: 'The cursor was not made by this list. Take it from meta.nextCursor.',
  idempotency_key_invalid: 'Idempotency-Key takes 1 to 255 visible ASCII characters.',
  unauthenticated: 'Send Authorization: Bearer <token>; POST /v1/auth/login gives one.',
  token_expired: 'The token has expired. Log in again.',
  rate_limited: 'You send more requests a second than you may. Wait as Retry-After says.',
  user_not_found: 'There is no user with this id.',
  route_not_found: 'There is nothing at this address. See /openapi.json.',
  method_not_allowed: 'This address does not take that method. See the Allow header.',
  not_acceptable: 'Answers are application/json.',
  email_taken: 'Another user has this e-mail.',
  unsupported_media_type: 'Send application/json.',
  projection_not_found: 'There is no projection of this name. See GET /v1/projections.',
  operation_not_found: 'There is no operation with this id. See GET /v1/operations.',
  operation_not_possible: 'This cannot be done now.',
  failure_not_found: 'No event halts this book in this projection.',
  failure_not_skippable: 'This event cannot be left out.',
  not_yet_visible: 'The read model has not reached Daybook-Min-Revision yet. Try again.',
} as const

/**
 * Every reason to refuse a request, with what it means and what to do about it.
 * Codes are public API: add, never rename. The HTTP status of each is in `api/statuses.ts`.
 */
export const rejections = { ...byTheBook, ...byItsMembers, ...byTheWriter, ...atTheDoor } as const

export type RejectionCode = keyof typeof rejections

/** A refusal is a value: expected, safe to show, and decided by pure code. */
export type Rejection = {
  readonly code: RejectionCode
  readonly message: string
  readonly details: readonly object[]
}

export const reject = (
  code: RejectionCode,
  message: string = rejections[code],
  details: readonly object[] = [],
): Rejection => ({ code, message, details })

/** Carries a rejection through code that cannot return one. Anything else thrown is a bug. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly rejection: Rejection

  constructor(rejection: Rejection) {
    super(rejection.message)
    this.rejection = rejection
  }
}

export const refuse = (...args: Parameters<typeof reject>): never => {
  throw new Rejected(reject(...args))
}

/**
 * These follow from the request alone, whatever the book holds. A keyed request that gets one of
 * them leaves no trace, so it may be mended and sent again under its key.
 */
export const stateless: ReadonlySet<RejectionCode> = new Set<RejectionCode>([
  'invalid_request',
  'too_few_entries',
  'amount_out_of_range',
  'too_large',
])
