import Type from 'typebox'

/** Minor units as a string of digits: JSON numbers lose cents past 2^53. */
export const Amount = Type.String({
  pattern: '^(0|[1-9][0-9]*)$',
  maxLength: 200,
  description: 'Minor units as a string of digits, e.g. "1250" for 12.50 EUR',
  examples: ['1250'],
})

export const SignedAmount = Type.String({
  pattern: '^(0|-?[1-9][0-9]*)$',
  maxLength: 200,
  description: 'Minor units as a string of digits, with a minus below zero',
  examples: ['-100000'],
})

const maximum = 10n ** 38n - 1n

/** Whether a balance has at most 38 digits, which is what every read model can hold. */
export const isInRange = (value: bigint): boolean => value <= maximum && value >= -maximum
