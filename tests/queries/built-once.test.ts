import assert from 'node:assert/strict'
import { builtOnce } from '../../src/queries/built-once.ts'
import type { Reading } from '../../src/queries/query.ts'
import { kyselyOn } from '../../src/runtime/kysely-on.ts'

describe('a statement that is built once', () => {
  const asked: { readonly text: string; readonly values: readonly unknown[] }[] = []
  const run: Reading['run'] = async (text, values) => {
    asked.push({ text, values })
    return []
  }
  const reading = { run } as Reading
  const db = kyselyOn(run)
  let builds = 0

  const ask = (shape: readonly unknown[], code: string, names: readonly string[]) =>
    builtOnce(reading, shape, [code, ...names] as const, ([asked, ...named]) => {
      builds++
      return db
        .selectFrom('account')
        .select('id')
        .where('code', '=', asked)
        .where('name', 'in', named)
    })
  beforeEach(() => {
    asked.length = 0
    builds = 0
  })

  it('has the values of each time it is asked', async () => {
    await ask(['codes', 1], 'a', ['b'])
    await ask(['codes', 1], 'c', ['d'])
    assert.equal(builds, 1)
    assert.deepEqual(
      asked.map(({ values }) => values),
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    )
    assert.equal(asked[0]?.text, asked[1]?.text)
  })

  it('is another one in another shape', async () => {
    await ask(['codes', 2], 'a', ['b', 'c'])
    await ask(['codes', 3], 'a', ['b', 'c', 'd'])
    assert.equal(builds, 2)
    assert.notEqual(asked[0]?.text, asked[1]?.text)
  })
})
