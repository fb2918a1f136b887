import fc from 'fast-check'
import Mocha from 'mocha'

type Hook = () => unknown
type Case = { readonly title: string; readonly hooks: readonly Hook[]; readonly run: Hook }

type Suite = {
  readonly title: string
  readonly suites: readonly Suite[]
  readonly tests: readonly { readonly fn?: Hook; readonly title: string }[]
  readonly _beforeAll: readonly { readonly fn: Hook }[]
  readonly _beforeEach: readonly { readonly fn: Hook }[]
}

/** To run a case with a mutant, or with none and then to tell which mutants it reaches. */
export type Asked = { readonly place: number; readonly mutant: number | null }
export type Ready = {
  readonly titles: readonly string[]
  /** Mutants that are reached while the files load. */
  readonly atLoad: readonly number[]
}
export type Told = {
  readonly hasPassed: boolean
  /** Of a processor. */
  readonly ms: number
  readonly reached: readonly number[]
}

let active: number | null = null
let reached: Set<number> | null = new Set<number>()
Object.assign(globalThis, {
  __mutant: (id: number): boolean => {
    reached?.add(id)
    return id === active
  },
})
// What fails is of interest, and not the smallest example of it.
fc.configureGlobal({ endOnFailure: true })

/** A test that looks at `this` finds nothing there that matters here. */
const context = { timeout: () => context, slow: () => context, skip: () => undefined }

const passes = async ({ hooks, run }: Case): Promise<boolean> => {
  try {
    for (const hook of hooks) await hook.call(context)
    await run.call(context)
    return true
  } catch {
    return false
  }
}

const casesOf = (suite: Suite, above: readonly Hook[] = []): Case[] => {
  const all = suite._beforeAll.map(({ fn }) => fn)
  const hooks = [...above, ...all, ...suite._beforeEach.map(({ fn }) => fn)]
  return [
    ...suite.tests.flatMap(({ fn, title }) => (fn ? [{ title, hooks, run: fn }] : [])),
    ...suite.suites.filter(isOfDaybook).flatMap((one) => casesOf(one, hooks)),
  ]
}

/** Whether it is not about other tests: a mistake that they must find is one anyway. */
const isOfDaybook = ({ title }: Suite): boolean => !title.startsWith('a mistake that is planted')

const mocha = new Mocha({ ui: 'bdd' })
for (const file of process.argv.slice(2)) mocha.addFile(file)
await mocha.loadFilesAsync()
const cases = casesOf(mocha.suite as unknown as Suite)
const ready: Ready = { titles: cases.map(({ title }) => title), atLoad: [...reached] }
process.send?.(ready)

const attempt = async ({ place, mutant }: Asked): Promise<Told> => {
  reached = mutant === null ? new Set() : null
  active = mutant
  const start = process.cpuUsage()
  const hasPassed = await passes(cases[place] as Case)
  const { user, system } = process.cpuUsage(start)
  const ms = (user + system) / 1_000
  active = null
  return { hasPassed, ms, reached: [...(reached ?? [])] }
}

process.on('message', (asked: Asked) => {
  void attempt(asked).then((told) => process.send?.(told))
})
process.on('disconnect', () => process.exit(0))
