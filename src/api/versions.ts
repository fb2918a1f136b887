import { refuse } from '../domain/rejection.ts'

const tag = /^(?:W\/)?"[\x21\x23-\x7e]*"$/
const own = /^"(\d{1,15})-\d{1,15}"$/

/**
 * An account's entity tag: the revision that defines it, which If-Match is compared with, and the
 * one that last changed its balance. A busy account can so be changed between two postings.
 */
export const accountTag = ({
  definition_revision,
  revision = definition_revision,
}: {
  readonly definition_revision: number
  readonly revision?: number
}): string => `"${definition_revision}-${revision}"`

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
