import Mocha from 'mocha'

/** mocha's spec reporter, which also tells scripts/test.mjs the counts, as they grow. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options)
    const tell = (finished: boolean) => {
      const { passes, failures } = this.stats
      process.send?.({ passed: passes, failed: failures, finished })
    }
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants
    runner.on(EVENT_TEST_PASS, () => tell(false))
    runner.on(EVENT_TEST_FAIL, () => tell(false))
    runner.on(EVENT_RUN_END, () => tell(true))
  }
}
