import assert from 'node:assert/strict'
import { join } from 'node:path'
import { testDirectory } from '../support/services.ts'
import { openArchive } from './archive.ts'

describe('a list that is kept on disk', () => {
  const open = (name: string) => openArchive<unknown>(join(testDirectory('archive'), name))

  it('gives what was put into it, in order, however long, and also what came since', () => {
    const archive = open('long')
    const items: unknown[] = []
    const push = (item: unknown) => {
      items.push(item)
      archive.push(item)
    }
    for (let n = 0; n < 1_000; n++) push({ n, text: `${n} lines\nof €${'ü'.repeat(n)}` })
    push({ text: 'ß'.repeat(3_000_000) })
    assert.deepEqual([...archive], items)
    push(null)
    assert.deepEqual([...archive], items)
  })

  it('is empty at first', () => {
    assert.deepEqual([...open('empty')], [])
  })
})
