import Type, { type Static } from 'typebox'

export const MemberRole = Type.Union(
  [Type.Literal('owner'), Type.Literal('bookkeeper'), Type.Literal('analyst')],
  { description: 'An owner may do anything, a bookkeeper write, an analyst only read' },
)
export type MemberRole = Static<typeof MemberRole>
