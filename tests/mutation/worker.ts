import fc from 'fast-check'
import Mocha from 'mocha'

type Hook = () => unknown
type Case = { readonly title: string; readonly hooks: readonly Hook[]; readonly run: Hook }

type Suite = {
  readonly suites: readonly Suite[]
  readonly tests: readonly { readonly fn?: Hook; readonly title: string }[]
  readonly _beforeAll: readonly { readonly fn: Hook }[]
  readonly _beforeEach: readonly { readonly fn: Hook }[]
}

export type Asked = { readonly mutant: number; readonly cases: readonly number[] }
export type Told =
  | {
      readonly kind: 'ready'
      /** By case: its name, how long it takes, and the mutants that it reaches. */
      readonly cases: readonly { title: string; ms: number; reached: readonly number[] }[]
      readonly atLoad: readonly number[]
      readonly left: readonly string[]
    }
  | { readonly kind: 'killed'; readonly by: string; readonly isTrusted: boolean }
  | { readonly kind: 'survived' }

const slowestMs = Number(process.env['DAYBOOK_MUTATION_SLOWEST_MS'] ?? 15_000)

let active = -1
let reached: Set<number> | null = new Set<number>()
Object.assign(globalThis, {
  __mutant: (id: number): boolean => {
    reached?.add(id)
    return id === active
  },
})
fc.configureGlobal({ endOnFailure: true })

const tell = (told: Told): void => {
  process.send?.(told)
}

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
    ...suite.suites.flatMap((one) => casesOf(one, hooks)),
  ]
}

const mocha = new Mocha({ ui: 'bdd' })
for (const file of process.argv.slice(2)) mocha.addFile(file)
await mocha.loadFilesAsync()
const atLoad = [...reached]

/** Tests that fail or are slow without any mutant are of no use. */
const usable: Case[] = []
const measured: { title: string; ms: number; reached: readonly number[] }[] = []
const left: string[] = []
for (const one of casesOf(mocha.suite as unknown as Suite)) {
  reached = new Set()
  const start = performance.now()
  const isGood = await passes(one)
  const ms = performance.now() - start
  if (isGood && ms < slowestMs) {
    usable.push(one)
    measured.push({ title: one.title, ms, reached: [...reached] })
  } else {
    left.push(`${one.title} (${isGood ? `${Math.round(ms)} ms` : 'fails'})`)
  }
}
reached = null
tell({ kind: 'ready', cases: measured, atLoad, left })

const attempt = async ({ mutant, cases }: Asked): Promise<Told> => {
  for (const place of cases) {
    const one = usable[place] as Case
    active = mutant
    const isBlind = await passes(one)
    active = -1
    if (isBlind) continue
    // What a mutant leaves behind (a cache, say) may fail the tests of others.
    return { kind: 'killed', by: one.title, isTrusted: await passes(one) }
  }
  return { kind: 'survived' }
}

process.on('message', (asked: Asked) => {
  void attempt(asked).then(tell)
})
process.on('disconnect', () => process.exit(0))
