import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { serverMutations } from './support/server-mutations.ts'

const mutant = fileURLToPath(new URL('mutant.js', import.meta.url))

/** How many run at a time: each is a process that mostly waits. */
const AT_ONCE = 3
const CAUGHT = 77

/** A spread of them in a plain run, all with `EVERY_MUTATION`. */
const isEvery = process.env['EVERY_MUTATION'] !== undefined
const chosen = serverMutations.filter((_, i) => isEvery || i % 3 === 0)

describe('the contract notices if', function () {
  this.timeout(120_000)
  const exits = new Map<string, Promise<number | undefined>>()

  before(() => {
    const waiting = [...chosen]
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await run(next.name)
      }
    }
    for (let i = 0; i < AT_ONCE; i++) void work()
  })

  const run = (name: string) => {
    const known = exits.get(name)
    if (known !== undefined) return known
    const exit = new Promise<number | undefined>((resolve) => {
      const child = execFile(process.execPath, [mutant, name], () => resolve(child.exitCode ?? -1))
    })
    exits.set(name, exit)
    return exit
  }

  for (const { name } of chosen) {
    it(name, async () => assert.equal(await run(name), CAUGHT))
  }
})
