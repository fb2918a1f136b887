import Type from 'typebox'
import type { AppliedItem, BatchApplied } from '../domain/events/batch-applied.ts'
import type { BookEvent } from '../domain/events/index.ts'
import { atItem } from './at-item.ts'
import { BatchItem, stepOf } from './batch-item.ts'
import { accepted, command, type Decision, refused } from './command.ts'
import { type Step, type Steps, stepsOn } from './decide-steps.ts'

const ApplyBatch = Type.Object({
  items: Type.Array(BatchItem, { minItems: 1, maxItems: 1000 }),
  /** All or none; else each item stands for itself. */
  atomic: Type.Boolean(),
})

/**
 * Single commands one after the other, of which later ones may rest on what earlier ones made. Each
 * is decided as it would be by itself; their events are appended together with one that ends them.
 */
export const applyBatch = command({
  name: 'ApplyBatch',
  data: ApplyBatch,
  roles: ['owner', 'bookkeeper'],
  idsFor: ({ items }) => items.reduce((sum, item) => sum + stepOf(item).idCount, 0),
  mentions: ({ items }, book) => items.flatMap((item) => stepOf(item).mentions(book)),

  decide: ({ items, atomic }, book, circumstances) => {
    const { ids, isKeyed } = circumstances
    const steps = stepsOn(book, circumstances)
    const results: AppliedItem[] = []
    let drawn = 0
    for (const [index, item] of items.entries()) {
      const step = stepOf(item)
      const own = ids.slice(drawn, drawn + step.idCount)
      drawn += step.idCount
      const result = take(step, own, index, steps)
      if (atomic && result.status === 'refused') {
        const { error } = result
        const path = `/items/${index}`
        const body = `${path}/${Object.keys(item)[0]}`
        return refused(atItem(error, `Item ${index}`, path, body))
      }
      results.push(result)
    }
    const parts = steps.end()
    const event: BatchApplied = { type: 'BatchApplied', data: { atomic, items: results } }
    // A key is bound to its request even where there is nothing else to store.
    if (parts.length > 0 || isKeyed) return accepted(event, { parts })
    return { kind: 'answered', event, recorded: null }
  },
})

const take = (step: Step, ids: readonly string[], index: number, steps: Steps): AppliedItem => {
  const decision = steps.decide(step, ids)
  switch (decision.kind) {
    case 'refused':
      return { error: decision.rejection, status: 'refused' }
    case 'answered':
      return existing(decision)
    case 'accepted': {
      const event = placed(decision.event, index)
      return { id: idIn(event), revision: steps.add(event), status: step.status }
    }
  }
}

/** A transaction's place is that of its item in the whole request. */
const placed = (event: BookEvent, index: number): BookEvent => {
  if (event.type !== 'TransactionsRecorded') return event
  const transactions = event.data.transactions.map((transaction) => ({ ...transaction, index }))
  return { ...event, data: { ...event.data, transactions } }
}

/** What was there already, under an id that its client chose. */
const existing = ({ event, recorded }: Extract<Decision, { kind: 'answered' }>): AppliedItem => {
  const known = event?.type === 'TransactionsRecorded' ? event.data.existing[0] : undefined
  if (!known || !recorded) throw new Error('an item of a batch did nothing and says nothing')
  return { id: known.id, revision: recorded.revision, status: 'existing' }
}

/** The id of the one account or transaction that the event of a single command is about. */
const idIn = (event: BookEvent): string => {
  const { data } = event
  const [only] = [
    ...('accounts' in data ? data.accounts : []),
    ...('transactions' in data ? data.transactions : []),
  ]
  if (only) return only.id
  if ('account' in data) return data.account.id
  if ('transaction' in data) return data.transaction
  throw new Error(`${event.type} is about no account and no transaction`)
}
