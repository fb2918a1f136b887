import { appendCases } from './cases/append.ts'
import { type ContractCase, openTarget, type Target } from './support/target.ts'

const suites: Record<string, ContractCase[]> = {
  append: appendCases,
}

describe('the event store protocol', () => {
  let target: Target
  before(async () => {
    target = await openTarget()
  })
  after(() => target.close())

  for (const [suite, cases] of Object.entries(suites)) {
    describe(suite, () => {
      for (const { name, run } of cases) it(name, () => run(target))
    })
  }
})
