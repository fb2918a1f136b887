import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { randomOf } from '../support/random.ts'
import { type Mutant, withMutants } from './mutants.ts'
import { type Case, startTrial, type Trial } from './trial.ts'

/**
 * Changes the domain and the commands in small ways, one at a time, and tells which changes no fast
 * test notices: see docs/mutation.md.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const copy = join(root, `dist-mutants-${process.pid}`)
/** Slower ones are left out. */
const slowestMs = 3_000
/** Quicker ones are tried once more, in a new process, against what no case has noticed. */
const quickMs = 100

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

const start = (): Promise<Trial> => {
  const files = [...filesOf('tests/commands'), ...filesOf('tests/domain')]
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(copy, name))
  return startTrial(join(copy, 'tests/mutation/worker.js'), files, {
    ...process.env,
    DAYBOOK_RUNS_TIMES: process.env['DAYBOOK_RUNS_TIMES'] ?? '0.4',
    DAYBOOK_WRITER_SEEDS: process.env['DAYBOOK_WRITER_SEEDS'] ?? '20',
  })
}

/** The cases that pass and are quick without any mutant, the quickest first. */
const usableOf = async ({ titles, measure }: Trial): Promise<Case[]> => {
  const usable: Case[] = []
  for (const [place, title] of titles.entries()) {
    const told = await measure(place)
    if (told === 'no answer' || !told.hasPassed || told.ms > slowestMs) {
      const reason = told !== 'no answer' && told.hasPassed ? `${Math.round(told.ms)} ms` : 'fails'
      console.log(`  without: ${title} (${reason})`)
    } else {
      usable.push({ place, title, ms: told.ms, reached: told.reached })
    }
  }
  return usable.sort((one, other) => one.ms - other.ms)
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
  return drawn
}

const isKilled = async (
  { isNoticed, renew }: Trial,
  { id }: Mutant,
  cases: readonly Case[],
): Promise<boolean> => {
  for (const one of cases) if (await isNoticed(id, one)) return true
  const quick = cases.filter(({ ms }) => ms < quickMs)
  if (quick.length === 0) return false
  // What earlier cases left in a cache may have hidden it.
  await renew()
  for (const one of quick) if (await isNoticed(id, one)) return true
  return false
}

/**
 * Tries each mutant against the cases that reach it, up to the first that notices it; no more of
 * them once it is interrupted (Ctrl-C), which is as good a sample.
 */
const tryAll = async (
  trials: readonly Trial[],
  tried: readonly Mutant[],
  reaching: ReadonlyMap<number, readonly Case[]>,
): Promise<{ readonly done: number; readonly survivors: number }> => {
  let survivors = 0
  let done = 0
  let isOver = false
  process.once('SIGINT', () => {
    isOver = true
  })
  const queue = tried.values()
  const work = async (trial: Trial): Promise<void> => {
    for (const mutant of queue) {
      if (isOver) return
      const cases = reaching.get(mutant.id) ?? []
      const isDead = await isKilled(trial, mutant, cases)
      done++
      if (!isDead) {
        survivors++
        const note = cases.length > 0 ? '' : '   (reached by no test)'
        console.log(`${place(mutant)}   ${mutant.from}   ->   ${mutant.to}${note}`)
      }
      if (done % 25 === 0) console.error(`${done} tried, ${survivors} not noticed`)
    }
  }
  await Promise.all(trials.map(work))
  return { done, survivors }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    in: { type: 'string', default: 'src' },
    workers: { type: 'string', default: '2' },
  },
})
const [count = Number.POSITIVE_INFINITY, seed = 1] = positionals.map(Number)
const mutants = plant()
const first = await start()
console.log(`${first.titles.length} tests`)
const usable = await usableOf(first)
const reaching = new Map<number, Case[]>()
for (const one of usable) {
  for (const id of one.reached) reaching.set(id, [...(reaching.get(id) ?? []), one])
}
// What is only worked out while the files load has been worked out before a mutant can act.
const constant = new Set(first.atLoad.filter((id) => !reaching.has(id)))
const possible = mutants.filter(({ id }) => !constant.has(id))
console.log(`${mutants.length} mutants; ${constant.size} of them, in constants, cannot be tried`)
const among = possible.filter(({ file }) => file.startsWith(values.in))
const tried = draw(among, count, seed)
console.log(`trying ${tried.length}; not noticed:`)
const others = await Promise.all(Array.from({ length: Number(values.workers) - 1 }, start))
const trials = [first, ...others]
const { done, survivors } = await tryAll(trials, tried, reaching)
for (const trial of trials) trial.close()
const dead = done - survivors
console.log(`${dead} of ${done} killed: ${((100 * dead) / done).toFixed(1)} %`)
rmSync(copy, { recursive: true, force: true })
