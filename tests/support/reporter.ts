import Mocha from 'mocha'
import { unmetCodes } from './met-codes.ts'

/** mocha's spec reporter, which also tells scripts/test.mjs how it goes, after each test. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const failures: string[] = []
    const tell = (finished: boolean) => {
      const unmet = finished ? unmetCodes() : []
      process.send?.({ passed: this.stats.passes, failures, unmet, finished })
    }
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants
    runner.on(EVENT_TEST_PASS, () => tell(false))
    runner.on(EVENT_TEST_FAIL, (test: Mocha.Test, error: Error) => {
      failures.push(`${test.titlePath().join(' › ')}\n${shortOf(error)}`)
      tell(false)
    })
    runner.on(EVENT_RUN_END, () => tell(true))
  }
}

/** What a log that kept only its end has yet to say. */
const shortOf = ({ stack, message }: Error): string => {
  const lines = (stack ?? message).split('\n')
  const told = lines.length > 16 ? [...lines.slice(0, 15), '...'] : lines
  return told.map((line) => `    ${line.slice(0, 500)}`).join('\n')
}
