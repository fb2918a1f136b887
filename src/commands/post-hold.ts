import Type, { type Static } from 'typebox'
import { Amount } from '../domain/amount.ts'
import { type Book, exponentsOf } from '../domain/book.ts'
import { AccountReference, Direction } from '../domain/entry.ts'
import type { SettledEntry } from '../domain/events/hold-entry.ts'
import type { Hold } from '../domain/hold.ts'
import { amountsToPost, checkTaking } from '../domain/hold-parts.ts'
import { DateOrInstant, instantOf, toInstant } from '../domain/instant.ts'
import { OnClosedPeriod, type Placed, placeInOpen } from '../domain/period.ts'
import type { Rejection } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'
import { endMentions, findOpenHold } from './find-hold.ts'

const PartOfEntry = Type.Object(
  { account: AccountReference, direction: Direction, amount: Amount },
  { additionalProperties: false },
)

export const HoldPosting = Type.Object(
  {
    amount: Type.Optional(
      Type.Intersect([Amount], {
        description: 'Of a hold of two entries: less than is held; all of it, if left out',
      }),
    ),
    entries: Type.Optional(
      Type.Array(PartOfEntry, {
        maxItems: 1000,
        description:
          'Of a hold of more entries: how much of each, balanced; nothing of those left out. ' +
          'Entries of one account and direction are taken in their order',
      }),
    ),
    remainder: Type.Optional(
      Type.Union([Type.Literal('release'), Type.Literal('keep')], {
        description: 'What becomes of the rest: let go of, if left out, or held on',
      }),
    ),
    effective_at: Type.Optional(DateOrInstant),
    on_closed_period: Type.Optional(OnClosedPeriod),
  },
  { additionalProperties: false },
)

const PostHold = Type.Object(
  {
    transaction: Type.String({ format: 'uuid', description: 'Id of the hold' }),
    ...HoldPosting.properties,
  },
  { additionalProperties: false },
)
type PostHold = Static<typeof PostHold>

/**
 * Posts a hold, as a whole or in part, into accounts that are open. It needs no look at limits: what a hold adds was counted
 * against the maximum when it was recorded, and what it takes against the minimum.
 */
export const postHold = command({
  name: 'PostHold',
  data: PostHold,
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ transaction }, book) => endMentions(transaction, book),

  decide: (data, book, circumstances) => {
    const hold = findOpenHold(data.transaction, book, circumstances)
    if ('code' in hold) return refused(hold)
    const amounts = amountsToPost(data, hold, book)
    if ('code' in amounts) return refused(amounts)
    const shut = checkTaking(hold, amounts, book)
    if (shut) return refused(shut)
    const placed = place(data, book, circumstances.now)
    if ('code' in placed) return refused(placed)
    const { effectiveAt, requestedAt } = placed
    return accepted({
      type: 'HoldPosted',
      data: {
        effective_at: toInstant(effectiveAt),
        entries: settle(hold, amounts, data.remainder === 'keep'),
        exponents: exponentsOf(book, hold.entries),
        ...(requestedAt !== null && { requested_effective_at: toInstant(requestedAt) }),
        transaction: hold.id,
      },
    })
  },
})

const place = (
  { effective_at, on_closed_period = 'refuse' }: PostHold,
  book: Book,
  now: number,
): Placed | Rejection => {
  const timeZone = book.header?.timeZone ?? 'UTC'
  const asked = effective_at ? instantOf(effective_at, timeZone) : now
  return placeInOpen(asked, on_closed_period, book)
}

const settle = (
  { entries }: Hold,
  amounts: readonly bigint[],
  isRestKept: boolean,
): SettledEntry[] =>
  entries.map(({ account, currency, direction, posted, remaining }, line) => {
    const amount = amounts[line] as bigint
    return {
      account,
      amount: String(amount),
      currency,
      direction,
      posted: String(BigInt(posted) + amount),
      remaining: isRestKept ? String(BigInt(remaining) - amount) : '0',
    }
  })
