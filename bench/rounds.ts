import type { Contender, Measure, Prepared, Sample } from './measures/measure.ts'
import type { Cores } from './parts/observe.ts'
import { median } from './statistics.ts'

export type Figures = {
  readonly name: string
  readonly samples: readonly Sample[]
  /** Cores in use by each process while it ran; the median. */
  readonly cores: Cores
}

export type Result = {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly compares: 'rate' | 'p99'
  readonly bar: number
  readonly ours: readonly Figures[]
  readonly yardsticks: readonly Figures[]
}

/**
 * Runs all contenders of a measure in turn, round after round, so that what else the machine does
 * falls on each of them alike. One round before them warms everything up and is thrown away.
 */
export const runRounds = async (
  { name, title, unit, compares = 'rate', bar }: Measure,
  { ours, yardsticks }: Prepared,
  rounds: number,
): Promise<Result> => {
  const all = [...ours, ...yardsticks]
  const noted = new Map<Contender, Sample[]>(all.map((one) => [one, []]))
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const contender = all[(turn + round) % all.length] as Contender
      const profile = round === 1 ? `${name} ${contender.name}` : null
      const sample = await contender.run(profile)
      if (round > 0) noted.get(contender)?.push(sample)
    }
  }
  const toFigures = (contender: Contender): Figures => {
    const samples = noted.get(contender) as Sample[]
    return { name: contender.name, samples, cores: medianCores(samples) }
  }
  const figures = { ours: ours.map(toFigures), yardsticks: yardsticks.map(toFigures) }
  return { name, title, unit, compares, bar, ...figures }
}

const medianCores = (samples: readonly Sample[]): Cores => {
  const all = samples.map(({ cores }) => cores)
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))].sort()
  const medians = names.map((name) => [name, median(all.map((one) => one[name] ?? 0))] as const)
  return Object.fromEntries(medians.filter(([, cores]) => cores >= 0.02))
}
