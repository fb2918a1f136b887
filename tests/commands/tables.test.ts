import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { byTheBook, type RejectionCode } from '../../src/domain/rejection.ts'
import { approvedRefusals } from '../support/approved-refusals.ts'
import { meetCode } from '../support/met-codes.ts'
import { runTable } from '../support/run-table.ts'
import { parseTables } from '../support/table.ts'

const folder = new URL('../../../tests/commands/tables/', import.meta.url)

const said = approvedRefusals()
const met = new Set<RejectionCode>()

describe('the rules of the ledger, as tables', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

  for (const name of names) {
    describe(name.replace('.txt', ''), () => {
      for (const table of parseTables(readFileSync(new URL(name, folder), 'utf8'))) {
        it(table.title, () => {
          const refusals = runTable(table)
          for (const { code } of refusals) {
            met.add(code)
            meetCode(code)
          }
          said.check(`${name}: ${table.title}`, refusals)
        })
      }
    })
  }
})

describe('the closed list of refusals', () => {
  it('has a row for every one that a book can give', () => {
    const missing = Object.keys(byTheBook).filter((code) => !met.has(code as RejectionCode))
    assert.deepEqual(missing, [])
  })
})
