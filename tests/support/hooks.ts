import { checkShared, stopDaybooks } from './daybook.ts'
import { killServices, stopServices } from './services.ts'

export const mochaHooks = {
  afterAll: [checkShared, stopDaybooks, stopServices],
}

// For every other way to end: mocha interrupted, killed, or gone with the script that started it.
process.once('exit', killServices)
process.prependOnceListener('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.once('SIGHUP', () => process.exit(129))
process.once('disconnect', () => process.exit(1))
