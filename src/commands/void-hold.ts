import Type from 'typebox'
import { exponentsOf } from '../domain/book.ts'
import { released } from '../domain/hold.ts'
import { accepted, command, refused } from './command.ts'
import { endMentions, findOpenHold } from './find-hold.ts'

const VoidHold = Type.Object(
  { transaction: Type.String({ format: 'uuid', description: 'Id of the hold' }) },
  { additionalProperties: false },
)

/** Lets go of what is left of a hold. */
export const voidHold = command({
  name: 'VoidHold',
  data: VoidHold,
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ transaction }, book) => endMentions(transaction, book),

  decide: ({ transaction }, book, circumstances) => {
    const hold = findOpenHold(transaction, book, circumstances)
    if ('code' in hold) return refused(hold)
    return accepted({
      type: 'HoldVoided',
      data: {
        effective_at: hold.effectiveAt,
        entries: released(hold),
        exponents: exponentsOf(book, hold.entries),
        transaction: hold.id,
      },
    })
  },
})
