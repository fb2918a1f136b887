import type { Context } from 'mocha'

/** Leaves a test out where it cannot run, and says why. */
export const leaveOut = (test: Context, why: string): void => {
  console.log(`      left out: ${why}`)
  test.skip()
}
