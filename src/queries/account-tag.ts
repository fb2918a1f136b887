/**
 * An account's entity tag: the revision that defines it, which If-Match is compared with, and the
 * one that last changed its balance. A busy account can so be changed between two postings. While
 * an increase is to come at its date, that date is a third part: what is available then changes
 * though nothing is recorded.
 */
export const accountTag = (
  {
    definition_revision,
    revision = definition_revision,
  }: { readonly definition_revision: number; readonly revision?: number },
  nextMaturity: string | null = null,
): string => {
  const parts = [definition_revision, revision]
  if (nextMaturity !== null) parts.push(Date.parse(nextMaturity))
  return `"${parts.join('-')}"`
}
