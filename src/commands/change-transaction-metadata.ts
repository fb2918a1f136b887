import Type from 'typebox'
import type { Recorded } from '../domain/events/index.ts'
import type { Mention } from '../domain/lookup.ts'
import { changeMetadata, type Metadata, MetadataChanges } from '../domain/metadata.ts'
import { accepted, command, refused } from './command.ts'
import { transactionIn, transactionNotFound } from './find-transaction.ts'

/** The event that recorded the transaction, and the one that changed its metadata last. */
const mentionsOf = (transaction: string): { recorded: Mention; changed: Mention } => {
  const key = transaction.toLowerCase()
  return { recorded: { kind: 'transaction', key }, changed: { kind: 'metadata', key } }
}

/** Changes what a client keeps with a transaction: nothing that counts. */
export const changeTransactionMetadata = command({
  name: 'ChangeTransactionMetadata',
  data: Type.Object({ transaction: Type.String(), metadata: MetadataChanges }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ transaction }) => Object.values(mentionsOf(transaction)),

  decide: ({ transaction: id, metadata: changes }, _, { eventOf }) => {
    const { recorded, changed } = mentionsOf(id)
    const event = eventOf(changed) ?? eventOf(recorded)
    if (!event) return refused(transactionNotFound(id))
    const result = changeMetadata(metadataIn(event, recorded.key), changes)
    if ('code' in result) return refused(result)
    return accepted({
      type: 'TransactionMetadataChanged',
      data: { metadata: result.metadata, transaction: recorded.key },
    })
  },
})

/** The transaction's metadata as this event left it. */
const metadataIn = (event: Recorded, id: string): Metadata => {
  if (event.type === 'TransactionMetadataChanged') return event.data.metadata
  const recorded = transactionIn(event, id)
  if (recorded) return recorded.metadata
  throw new Error(`event ${event.revision} says nothing of transaction ${id}`)
}
