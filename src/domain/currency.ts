import iso from 'currency-codes'
import Type, { type Static } from 'typebox'

export const CurrencyCode = Type.String({
  pattern: '^[A-Z][A-Z0-9]{1,11}$',
  description: 'ISO 4217, or a currency that the book declares, in capitals',
  examples: ['EUR', 'MUSD'],
})

export const Currency = Type.Object(
  {
    code: CurrencyCode,
    exponent: Type.Integer({ minimum: 0, maximum: 30, description: 'Digits after the point' }),
  },
  { additionalProperties: false },
)
export type Currency = Static<typeof Currency>

const isoExponents: ReadonlyMap<string, number> = new Map(
  iso.data.map(({ code, digits }) => [code, digits]),
)

/** Digits after the point by ISO 4217; undefined where ISO does not know the code. */
export const isoExponent = (code: string): number | undefined => isoExponents.get(code)
