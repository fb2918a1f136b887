import assert from 'node:assert/strict'
import type { Context } from 'mocha'
import { leaveOut } from './leave-out.ts'
import { type Balances, findLedgerPrograms } from './ledger-programs.ts'

/**
 * hledger and ledger read the journal, and have these balances before each of the days. Where they
 * cannot be had the test is left out, and says so.
 */
export const assertLedgersAgree = async (
  test: Context,
  journal: string,
  expected: ReadonlyMap<string, Balances>,
): Promise<void> => {
  const programs = await findLedgerPrograms()
  if (typeof programs === 'string') {
    return leaveOut(test, `hledger and ledger cannot be had: ${programs}`)
  }
  assert.equal(await programs.check(journal, 'balancednoautoconversion'), '')
  for (const [before, balances] of expected) {
    assert.ok(balances.size > 0, `no balances before ${before}`)
    const asked = (['hledger', 'ledger'] as const).map(async (program) => {
      const found = await programs.balances(program, journal, before)
      assert.deepEqual(found, balances, `${program}, before ${before}`)
    })
    await Promise.all(asked)
  }
}

/** Minor units as other programs write them. */
export const decimal = (units: bigint, exponent: number): string => {
  const sign = units < 0n ? '-' : ''
  const size = units < 0n ? -units : units
  const whole = size / 10n ** BigInt(exponent)
  const rest = String(size % 10n ** BigInt(exponent)).padStart(exponent, '0')
  return exponent === 0 ? `${sign}${whole}` : `${sign}${whole}.${rest}`
}
