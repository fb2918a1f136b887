import { derivedId } from './fold-changes.ts'
import type { Ledger } from './ledger.ts'
import type { Stored } from './log-reader.ts'

// Of the harness's own ledger: who has a role in the book, and what of it can be looked up.

type MemberEvent = { readonly user: string; readonly role: string }

/** Who opens a book owns it. */
export const noteMembers = (ledger: Ledger, { type, data, metadata }: Stored, at: string): void => {
  const { recorded_at } = metadata
  if (type === 'BookOpened') return setMember(ledger, metadata.actor, 'owner', recorded_at)
  const { user, role } = data as MemberEvent
  if (type === 'MemberSet') return setMember(ledger, user, role, recorded_at)
  const member = ledger.members.get(user)
  if (!member || member.deletedAt !== null) ledger.broken.push(`${at} removes ${user}, no member`)
  if (member) Object.assign(member, { updatedAt: recorded_at, deletedAt: recorded_at })
}

const setMember = ({ id, members }: Ledger, user: string, role: string, at: string): void => {
  const { createdAt } = members.get(user) ?? { createdAt: at }
  const memberId = derivedId(['member', id, user])
  members.set(user, { id: memberId, user, role, createdAt, updatedAt: at, deletedAt: null })
}

/** Where a key, an id or a reference leads from this event on; the ledger is what it is after it. */
export const noteLookups = (ledger: Ledger, event: Stored): void => {
  const { type, revision, data, metadata } = event
  const note = (kind: string, key: string) =>
    ledger.lookups.set(derivedId(['lookup', ledger.id, kind, key]), revision)
  const { actor, route, idempotency_key } = metadata
  if (idempotency_key !== null) note('key', `${actor} ${route} ${idempotency_key}`)
  if (type === 'TransactionsRecorded') {
    const transactions = data['transactions'] as readonly Record<string, string | undefined>[]
    for (const { id, reference, reverses } of transactions) {
      note('transaction', id as string)
      if (reference !== undefined) note('reference', reference)
      if (reverses !== undefined) note('reversal', reverses)
    }
    return
  }
  const about = data['transaction'] as string
  const isEnd = ledger.transactions.get(about)?.held?.settledRevision === revision
  if (type.startsWith('Hold') && isEnd) note('settlement', about)
  if (type === 'TransactionMetadataChanged') note('metadata', about)
}
