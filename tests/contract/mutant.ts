import { setTimeout as sleep } from 'node:timers/promises'
import { withMutant } from '../event-store/support/mutant.ts'
import { suites } from './cases/index.ts'
import { serverMutations } from './support/server-mutations.ts'
import { openTarget, type Serve } from './support/target.ts'

/**
 * Runs the contract against one mutation, in a process of its own, for what a broken server makes a
 * client throw. Exits with 77 if the contract caught it, with 0 if not. `node mutant.js <name>` runs the test that
 * is meant to catch it, `node mutant.js <name> all` every one, and tells which do.
 */
const TIME_TO_ANSWER = 4000
const CAUGHT = 77

const [, , wanted, scope] = process.argv
const mutation = serverMutations.find(({ name }) => name === wanted)
if (mutation === undefined) throw new Error(`there is no mutation ${wanted}`)
const cases = Object.values(suites)
  .flat()
  .filter(({ name }) => scope === 'all' || name === mutation.caughtBy)
if (cases.length === 0) throw new Error(`there is no contract ${mutation.caughtBy}`)

const caught = (name: string) => {
  console.log(`caught by: ${name}`)
  if (scope !== 'all') process.exit(CAUGHT)
  process.exitCode = CAUGHT
}
let current: string | undefined
const onThrown = (error: unknown) => {
  if (current !== undefined) return caught(current)
  console.error(error)
  process.exit(1)
}
process.on('uncaughtException', onThrown)
process.on('unhandledRejection', onThrown)

await withMutant(mutation, async (load) => {
  const { serveEventStore } = (await load('serve.js')) as { serveEventStore: Serve }
  for (const { name, run } of cases) {
    current = undefined
    const target = await openTarget(serveEventStore)
    current = name
    const outcome = run(target).then(
      () => 'passed',
      () => 'failed',
    )
    if ((await Promise.race([outcome, sleep(TIME_TO_ANSWER, 'hangs')])) !== 'passed') caught(name)
  }
})
process.exit()
