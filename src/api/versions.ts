import { hash } from 'node:crypto'
import { refuse } from '../domain/rejection.ts'

const tag = /^(?:W\/)?"[\x21\x23-\x7e]*"$/
const own = /^"(\d{1,15})-\d{1,15}(?:-\d{1,15})?"$/

/**
 * The definition revisions that If-Match allows (RFC 9110, section 13.1.1); null without the
 * header, or with `*`. A tag that is weak or of another thing matches nothing.
 */
export const readIfMatch = (header: string | undefined): readonly number[] | null => {
  if (header === undefined || header.trim() === '*') return null
  const tags = header.split(',').map((one) => one.trim())
  const malformed = tags.find((one) => !tag.test(one))
  if (malformed !== undefined) {
    const reason = 'If-Match takes the ETag of an earlier answer as it is, quotes included, or *.'
    return refuse('invalid_request', reason, [{ header: 'If-Match', reason }])
  }
  return tags.flatMap((one) => own.exec(one)?.[1] ?? []).map(Number)
}

/** The entity tag of what has no versions of its own: the same text, the same tag. */
export const contentTag = (body: string): string => `"${hash('sha1', body, 'base64url')}"`

/** Whether If-None-Match names what would be answered (RFC 9110, section 13.1.2). */
export const isKnownTo = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === '*' ||
    header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag))
