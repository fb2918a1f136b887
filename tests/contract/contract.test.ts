import { serveEventStore } from '../../src/event-store/serve.ts'
import { suites } from './cases/index.ts'
import { openTarget, type Target } from './support/target.ts'

describe('the event store protocol', function () {
  this.timeout(20_000)
  let target: Target
  before(async () => {
    target = await openTarget(serveEventStore)
  })
  after(() => target.close())

  for (const [suite, cases] of Object.entries(suites)) {
    describe(suite, () => {
      for (const { name, run } of cases) it(name, () => run(target))
    })
  }
})
