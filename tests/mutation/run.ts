import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomOf } from '../support/random.ts'
import { type Mutant, withMutants } from './mutants.ts'
import type { Asked, Told } from './worker.ts'

/**
 * Changes the domain and the commands in small ways, one at a time, and tells which changes no fast
 * test notices: `npm run mutate`, `npm run mutate -- 300 7` for 300 of them drawn with seed 7.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const copy = join(root, `dist-mutants-${process.pid}`)
const patienceMs = 60_000

const filesOf = (folder: string): string[] =>
  readdirSync(join(copy, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name))
    .sort()

const plant = (): Mutant[] => {
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(root, 'dist'), copy, { recursive: true })
  const mutants: Mutant[] = []
  for (const file of [...filesOf('src/domain'), ...filesOf('src/commands')]) {
    const path = join(copy, file)
    const planted = withMutants(file, readFileSync(path, 'utf8'), mutants.length)
    writeFileSync(path, planted.code)
    mutants.push(...planted.mutants)
  }
  return mutants
}

const tests = (): string[] =>
  [...filesOf('tests/commands'), ...filesOf('tests/domain')]
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(copy, name))

const environment = {
  ...process.env,
  DAYBOOK_RUNS_TIMES: process.env['DAYBOOK_RUNS_TIMES'] ?? '1',
  DAYBOOK_WRITER_SEEDS: process.env['DAYBOOK_WRITER_SEEDS'] ?? '20',
}

type Worker = { readonly child: ChildProcess; readonly ready: Extract<Told, { kind: 'ready' }> }

const startWorker = async (): Promise<Worker> => {
  const child = fork(join(copy, 'tests/mutation/worker.js'), tests(), { env: environment })
  const [ready] = (await Promise.race([once(child, 'message'), died(child)])) as [Worker['ready']]
  return { child, ready }
}

const died = async (child: ChildProcess): Promise<never> => {
  const [code] = await once(child, 'exit')
  throw new Error(`the tests ended with ${code} before they could be run`)
}

const ask = async ({ child }: Worker, asked: Asked): Promise<Told | 'no answer'> => {
  const over = new AbortController()
  const { signal } = over
  const told = once(child, 'message', { signal }).then(([message]) => message as Told)
  const ended = once(child, 'exit', { signal }).then(() => 'no answer' as const)
  const silence = sleep(patienceMs, 'no answer' as const, { signal })
  child.send(asked)
  const all = [told, ended, silence]
  try {
    return await Promise.race(all)
  } finally {
    over.abort()
    // Those that came too late are told of the abort, and nobody else is.
    await Promise.allSettled(all)
  }
}

const place = ({ file, line, column }: Mutant): string => {
  const map = new SourceMap(JSON.parse(readFileSync(join(root, 'dist', `${file}.map`), 'utf8')))
  const { originalLine } = map.findEntry(line, column) as { originalLine: number }
  return `${file.replace(/\.js$/, '.ts')}:${originalLine + 1}`
}

const draw = (mutants: readonly Mutant[], count: number, seed: number): Mutant[] => {
  const { between } = randomOf(seed)
  const rest = [...mutants]
  const drawn: Mutant[] = []
  while (rest.length > 0 && drawn.length < count) {
    drawn.push(...rest.splice(between(0, rest.length - 1), 1))
  }
  return drawn.sort((one, other) => one.id - other.id)
}

const [count = Number.POSITIVE_INFINITY, seed = 1] = process.argv.slice(2).map(Number)
const mutants = plant()
let worker = await startWorker()
const { cases, atLoad, left } = worker.ready
const reaching = new Map<number, number[]>()
const quickFirst = cases.map((_, index) => index)
quickFirst.sort((a, b) => (cases[a]?.ms ?? 0) - (cases[b]?.ms ?? 0))
for (const index of quickFirst) {
  for (const id of cases[index]?.reached ?? []) {
    reaching.set(id, [...(reaching.get(id) ?? []), index])
  }
}
// What is only worked out while the files load has been worked out before a mutant can act.
const constant = new Set(atLoad.filter((id) => !reaching.has(id)))
const possible = mutants.filter(({ id }) => !constant.has(id))
const tried = draw(possible, count, seed)
console.log(
  `${mutants.length} mutants, ${constant.size} of them in constants, which are not tried.`,
)
console.log(`${cases.length} tests, without:`)
for (const one of left) console.log(`  ${one}`)
console.log(`Trying ${tried.length}.`)

const isKilled = async (mutant: Mutant): Promise<boolean> => {
  const asked = { mutant: mutant.id, cases: reaching.get(mutant.id) ?? [] }
  for (let isFresh = false; ; isFresh = true) {
    const told = await ask(worker, asked)
    if (told !== 'no answer' && told.kind === 'survived') return false
    const isTrusted = told !== 'no answer' && told.kind === 'killed' && told.isTrusted
    if (isTrusted) return true
    worker.child.kill('SIGKILL')
    worker = await startWorker()
    // It never ended, or failed in a process that no other mutant had been in.
    if (told === 'no answer' || isFresh) return true
  }
}

const survivors: Mutant[] = []
for (const [index, mutant] of tried.entries()) {
  if (!(await isKilled(mutant))) {
    survivors.push(mutant)
    const isReached = reaching.has(mutant.id)
    const note = isReached ? '' : '   (reached by no test)'
    console.log(`${place(mutant)}   ${mutant.from}   ->   ${mutant.to}${note}`)
  }
  if ((index + 1) % 100 === 0) {
    const dead = index + 1 - survivors.length
    console.error(`${index + 1} tried, ${((100 * dead) / (index + 1)).toFixed(1)} % killed`)
  }
}
worker.child.kill('SIGKILL')
const dead = tried.length - survivors.length
console.log(`${dead} of ${tried.length} killed: ${((100 * dead) / tried.length).toFixed(1)} %`)
rmSync(copy, { recursive: true, force: true })
