import assert from 'node:assert/strict'
import { checkShared, stopDaybooks } from './daybook.ts'
import { unmetCodes } from './met-codes.ts'
import { killServices, stopServices } from './services.ts'

/** Only a run of all tests can have met them all. */
function everyCodeWasMet(): void {
  if (process.env['DAYBOOK_TESTS'] !== 'all') return
  assert.deepEqual(unmetCodes(), [], 'refusals that no test has met')
}

export const mochaHooks = {
  afterAll: [checkShared, stopDaybooks, stopServices, everyCodeWasMet],
}

// For every other way to end: mocha interrupted, killed, or gone with the script that started it.
process.once('exit', killServices)
process.prependOnceListener('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.once('SIGHUP', () => process.exit(129))
process.once('disconnect', () => process.exit(1))
