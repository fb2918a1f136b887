import Type from 'typebox'
import { Currency, isoExponent } from '../domain/currency.ts'
import { isTimeZone } from '../domain/instant.ts'
import { Metadata } from '../domain/metadata.ts'
import { reject } from '../domain/rejection.ts'
import { accepted, command, refused } from './command.ts'

const OpenBook = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, examples: ['main'] }),
    time_zone: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'IANA name; UTC if left out. It is never changed',
      }),
    ),
    currencies: Type.Optional(
      Type.Array(Currency, { maxItems: 200, description: 'Those that ISO 4217 does not have' }),
    ),
    metadata: Type.Optional(Metadata),
  },
  { additionalProperties: false },
)

export const openBook = command({
  name: 'OpenBook',
  data: OpenBook,
  roles: ['owner'],
  idsFor: () => 0,
  mentions: () => [],

  decide: ({ name, time_zone = 'UTC', currencies = [], metadata = {} }, book) => {
    if (book.header) return refused(reject('book_id_taken'))
    if (!isTimeZone(time_zone)) {
      const reason = `${time_zone} is not a time zone. Use an IANA name such as Europe/Berlin.`
      return refused(reject('invalid_request', reason, [{ path: '/time_zone', reason }]))
    }
    const codes = new Set<string>()
    for (const [index, { code, exponent }] of currencies.entries()) {
      const iso = isoExponent(code)
      const path = `/currencies/${index}`
      if (codes.has(code)) {
        const reason = `${code} is declared twice. Declare it once.`
        return refused(reject('invalid_request', reason, [{ path, reason }]))
      }
      if (iso !== undefined && iso !== exponent) {
        const reason = `${code} is an ISO 4217 currency with exponent ${iso}. Leave it out.`
        return refused(reject('invalid_request', reason, [{ path, reason }]))
      }
      codes.add(code)
    }
    return accepted({
      type: 'BookOpened',
      data: { id: book.id, name, time_zone, currencies, metadata },
    })
  },
})
