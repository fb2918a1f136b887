import Type from 'typebox'

/** A rejection as clients see it. */
export const Refusal = Type.Object({
  code: Type.String(),
  message: Type.String(),
  details: Type.Array(Type.Object({})),
})
