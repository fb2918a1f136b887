import Type, { type TProperties } from 'typebox'
import { Refusal } from './refusal.ts'

/** Of the body of a batch. */
export const atomic = Type.Optional(
  Type.Boolean({ description: 'All or none (true, if left out), or each for itself' }),
)

/** What became of each item of a batch: its status, `more` about it, and why it was refused. */
export const batchResults = <More extends TProperties>(statuses: readonly string[], more: More) =>
  Type.Object({
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Place in the request' }),
        status: Type.Union([...statuses, 'refused'].map((status) => Type.Literal(status))),
        ...more,
        error: Type.Optional(Refusal),
      }),
    ),
  })
