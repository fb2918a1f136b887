import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { rejectionDocs } from '../support/rejection-docs.ts'

describe('docs/rejections.md', () => {
  it('has every refusal as the code has it', () => {
    const page = readFileSync(new URL('../../../docs/rejections.md', import.meta.url), 'utf8')
    assert.ok(page === rejectionDocs(), 'it is out of date: run npm run document')
  })
})
