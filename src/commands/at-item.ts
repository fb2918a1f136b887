import type { Rejection } from '../domain/rejection.ts'

/** Says which item of an atomic batch it was that refused the whole, and where in the whole `body` is. */
export const atItem = (
  rejection: Rejection,
  what: string,
  path: string,
  body = path,
): Rejection => ({
  ...rejection,
  message: `${what} of the batch: ${rejection.message}`,
  details: [
    { path, reason: rejection.message },
    ...rejection.details.map((detail) =>
      'path' in detail && typeof detail.path === 'string'
        ? { ...detail, path: body + detail.path }
        : detail,
    ),
  ],
})
