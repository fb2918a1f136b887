import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { sorted } from '../../src/cli/export/sorted.ts'
import { runs } from '../support/histories.ts'

type Item = { readonly key: number; readonly text: string }

async function* given(items: readonly Item[]) {
  yield* items
}

const keyOf = ({ key }: Item): string => String(key).padStart(10, '0')

const folders = (): string[] =>
  readdirSync(tmpdir()).filter((one) => one.startsWith('daybook-export-'))

describe('what is sorted on disk', () => {
  const items = fc
    .uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 60 })
    .chain((keys) =>
      fc.tuple(
        ...keys.map((key) =>
          fc.record(
            { key: fc.constant(key), text: fc.string({ unit: 'binary' }) },
            { noNullPrototype: true },
          ),
        ),
      ),
    )

  it('comes in the order of its keys, whole, however little fits into memory', async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 400 }), async (some, runSize) => {
        const found: Item[] = []
        for await (const item of sorted(given(some), { keyOf, runSize })) found.push(item)
        assert.deepEqual(
          found,
          [...some].sort((one, other) => one.key - other.key),
        )
      }),
      runs(100),
    )
  })

  it('leaves nothing behind, also when nobody reads it to its end', async () => {
    const some = Array.from({ length: 50 }, (_, key) => ({ key: 50 - key, text: 'x'.repeat(40) }))
    const before = folders()
    for await (const { key } of sorted(given(some), { keyOf, runSize: 100 })) {
      assert.equal(key, 1)
      assert.equal(folders().length, before.length + 1)
      break
    }
    assert.deepEqual(folders(), before)
  })
})
