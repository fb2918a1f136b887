import type { Contender, Measure, Prepared, Sample } from './measures/measure.ts'
import { coresBetween, cpuSeconds } from './parts/cpu.ts'
import type { Stack } from './parts/stack.ts'
import { median } from './statistics.ts'

export type Figures = {
  readonly name: string
  readonly samples: readonly Sample[]
  /** Cores in use by each process while it ran; the median. */
  readonly cores: Readonly<Record<string, number>>
}

export type Result = {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly bar: number
  readonly ours: readonly Figures[]
  readonly yardsticks: readonly Figures[]
}

type Options = {
  readonly rounds: number
  readonly stack: Stack
  readonly isProfiled: boolean
}

type Noted = { readonly samples: Sample[]; readonly cores: Record<string, number>[] }

/**
 * Runs all contenders of a measure in turn, round after round, so that what else the machine does
 * falls on each of them alike. One round before them warms everything up and is thrown away.
 */
export const runRounds = async (
  { name, title, unit, bar }: Measure,
  { ours, yardsticks }: Prepared,
  options: Options,
): Promise<Result> => {
  const all = [...ours, ...yardsticks]
  const noted = new Map<Contender, Noted>(all.map((one) => [one, { samples: [], cores: [] }]))
  for (let round = 0; round <= options.rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const contender = all[(turn + round) % all.length] as Contender
      const { sample, cores } = await runOnce(contender, round === 1, options)
      if (round === 0) continue
      noted.get(contender)?.samples.push(sample)
      noted.get(contender)?.cores.push(cores)
    }
  }
  const toFigures = (contender: Contender): Figures => {
    const { samples, cores } = noted.get(contender) as Noted
    return { name: contender.name, samples, cores: medianCores(cores) }
  }
  const figures = { ours: ours.map(toFigures), yardsticks: yardsticks.map(toFigures) }
  return { name, title, unit, bar, ...figures }
}

const runOnce = async (
  contender: Contender,
  isToProfile: boolean,
  { stack, isProfiled }: Options,
): Promise<{ sample: Sample; cores: Record<string, number> }> => {
  const { servers } = stack
  const toggle = () => {
    if (!isProfiled || !isToProfile) return
    const services = new Set(['postgres', 'queue', 'cache'])
    for (const [name, { child }] of Object.entries(servers)) {
      if (!services.has(name)) child.process.kill('SIGUSR2')
    }
  }
  toggle()
  const before = cpuSeconds(servers)
  const start = performance.now()
  const sample = await contender.run()
  const cores = coresBetween(before, cpuSeconds(servers), (performance.now() - start) / 1000)
  toggle()
  return { sample, cores }
}

const medianCores = (all: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))].sort()
  const medians = names.map((name) => [name, median(all.map((one) => one[name] ?? 0))] as const)
  return Object.fromEntries(medians.filter(([, cores]) => cores >= 0.02))
}
