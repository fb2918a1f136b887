import assert from 'node:assert/strict'
import {
  endOf,
  instantOf,
  isDateOrInstant,
  isDayInRange,
  isInstant,
  isTimeZone,
  toInstant,
} from '../../src/domain/instant.ts'

describe('a date or an instant', () => {
  const good = [
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:00.5+01:00', '2024-02-29T11:00:00.500Z'],
    ['2024-02-29T12:00:00.123-23:59', '2024-03-01T11:59:00.123Z'],
    ['0001-01-02', '0001-01-02T00:00:00.000Z'],
    ['0001-01-02T00:00:00Z', '0001-01-02T00:00:00.000Z'],
    ['9999-12-31', '9999-12-31T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ] as const
  for (const [text, instant] of good) {
    it(`takes ${text}`, () => {
      assert(isDateOrInstant(text))
      assert.equal(toInstant(instantOf(text, 'UTC')), instant)
    })
  }

  it('takes an instant for what it is, whatever the time zone of the book', () => {
    const instant = '2024-02-29T12:00:00.000Z'
    assert.equal(toInstant(instantOf(instant, 'Asia/Kolkata')), instant)
    assert.equal(toInstant(endOf(instant, 'Asia/Kolkata')), '2024-02-29T12:00:00.001Z')
  })

  const bad = [
    '',
    '2024',
    '2024-02',
    '2023-02-29',
    '2024-13-01',
    '2024-02-29 12:00:00Z',
    '2024-02-29T12:00:00',
    '2024-02-29T12:00Z',
    '2024-02-29T12:00:00.0000Z',
    '2024-02-29T12:00:60Z',
    '2024-02-30T12:00:00Z',
    '0000-06-01',
    '10000-01-01',
    '-001-01-01',
    // No offset is a day long, and Date.parse knows it.
    '2024-02-29T12:00:00+24:00',
    '2024-02-29T12:00:00+99:00',
    '2024-02-29T12:00:00+10:60',
    // In years that no text of ISO 8601 with four digits can name, once they are in UTC.
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-01:00',
    // Begins in the year 0 in every time zone east of Greenwich.
    '0001-01-01',
  ]
  for (const text of bad) it(`refuses ${text || 'nothing'}`, () => assert(!isDateOrInstant(text)))

  it('is one or the other', () => {
    for (const [text] of good) {
      assert.equal(isInstant(text), text.includes('T'))
      assert.equal(isDayInRange(text), !text.includes('T'))
    }
    for (const text of bad) assert(!isInstant(text) && !isDayInRange(text), text)
  })

  it('gives instants that sort as text, whatever the time zone', () => {
    for (const zone of ['UTC', 'Pacific/Kiritimati', 'Pacific/Niue', 'Europe/Berlin']) {
      assert(isTimeZone(zone))
      for (const [text] of good) {
        assert.match(toInstant(instantOf(text, zone)), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
    }
  })

  it('knows days of 23 and 25 hours', () => {
    const hours = (day: string) =>
      (endOf(day, 'Europe/Berlin') - instantOf(day, 'Europe/Berlin')) / 3_600_000
    assert.equal(hours('2024-03-31'), 23)
    assert.equal(hours('2024-10-27'), 25)
    assert.equal(hours('2024-06-01'), 24)
  })

  it('knows days that begin later than midnight', () => {
    assert.equal(
      toInstant(instantOf('2018-11-04', 'America/Sao_Paulo')),
      '2018-11-04T03:00:00.000Z',
    )
  })

  it('ends an instant with the next millisecond', () => {
    assert.equal(endOf('2024-02-29T12:00:00Z', 'UTC'), Date.parse('2024-02-29T12:00:00.001Z'))
  })
})
