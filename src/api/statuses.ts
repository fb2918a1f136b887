import type { RejectionCode } from '../domain/rejection.ts'

/** The HTTP status of every rejection; `satisfies` makes one without a status a compile error. */
export const statuses = {
  malformed_json: 400,
  invalid_request: 400,
  amount_not_a_string: 400,
  unknown_parameter: 400,
  invalid_cursor: 400,
  idempotency_key_invalid: 400,
  unauthenticated: 401,
  token_expired: 401,
  forbidden: 403,
  book_not_found: 404,
  account_not_found: 404,
  transaction_not_found: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  account_code_taken: 409,
  book_id_taken: 409,
  transaction_id_taken: 409,
  too_large: 413,
  unsupported_media_type: 415,
  unbalanced: 422,
  too_few_entries: 422,
  same_account: 422,
  currency_mismatch: 422,
  unknown_currency: 422,
  amount_out_of_range: 422,
  balance_out_of_range: 422,
  balance_too_low: 422,
  balance_too_high: 422,
  idempotency_key_reused: 422,
  not_yet_visible: 503,
  write_contention: 503,
  outcome_unknown: 503,
  overloaded: 503,
  store_unavailable: 503,
} satisfies Record<RejectionCode, number>

/** Seconds after which a 503 is worth another try. */
export const retryAfter = '1'
