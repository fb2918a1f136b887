import assert from 'node:assert/strict'
import type { EventType } from '../../src/domain/events/event.ts'
import { type StoredEvent, upcast } from '../../src/domain/upcast.ts'

const stored = (type: string, schema_version: unknown, data: unknown = {}): StoredEvent => ({
  id: 'e1',
  type,
  revision: 7,
  data,
  metadata: { schema_version, hash: 'h' },
})

/** Three versions: `sum` in whole units, then in minor units, then as text. */
const paid: EventType<{ amount: string }> = {
  version: 3,
  upcasts: {
    1: ({ sum }: { sum: number }) => ({ sum: sum * 100 }),
    2: ({ sum }: { sum: number }) => ({ amount: String(sum) }),
  },
}
const broken: EventType<object> = { version: 3, upcasts: { 1: (data: object) => data } }
const types = { Paid: paid, Broken: broken } as Readonly<Record<string, EventType<never>>>

describe('upcasting', () => {
  it('takes an event of today as it is', () => {
    const event = upcast(stored('Paid', 3, { amount: '5' }), types)
    assert.deepEqual(event.data, { amount: '5' })
    assert.equal(event.revision, 7)
    assert.equal(event.id, 'e1')
    assert.equal(event.metadata.hash, 'h')
  })

  it('brings an older event up to date, version by version', () => {
    assert.deepEqual(upcast(stored('Paid', 2, { sum: 500 }), types).data, { amount: '500' })
    assert.deepEqual(upcast(stored('Paid', 1, { sum: 5 }), types).data, { amount: '500' })
  })

  it('leaves what is stored as it is', () => {
    const old = stored('Paid', 1, { sum: 5 })
    upcast(old, types)
    assert.deepEqual(old, stored('Paid', 1, { sum: 5 }))
  })

  it('throws at a newer version', () => {
    assert.throws(() => upcast(stored('Paid', 4), types), /version 4; this release knows up to 3/)
    assert.throws(() => upcast(stored('BookOpened', 2)), /version 2; this release knows up to 1/)
  })

  it('throws where a step is missing', () => {
    assert.throws(() => upcast(stored('Broken', 1), types), /no upcast from version 2/)
    assert.throws(() => upcast(stored('Paid', 0), types), /no upcast from version 0/)
  })

  it('throws at what is no version', () => {
    for (const version of [undefined, null, 'one', 1.5, -1, Number.NaN]) {
      assert.throws(() => upcast(stored('Paid', version), types))
    }
  })

  it('throws at a type that it does not know, be it a word of JavaScript', () => {
    for (const type of ['HoldForgotten', '', 'constructor', '__proto__', 'toString']) {
      assert.throws(() => upcast(stored(type, 1)), /does not know/)
    }
  })
})
