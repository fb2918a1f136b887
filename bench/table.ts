import type { Stage } from './load/operation.ts'
import type { Sample } from './measures/measure.ts'
import type { Figures, Result } from './rounds.ts'
import { median } from './statistics.ts'

const rateOf = ({ samples }: Figures): number => median(samples.map(({ rate }) => rate))

const bestOf = (yardsticks: readonly Figures[]): Figures | undefined =>
  yardsticks.reduce<Figures | undefined>(
    (best, one) => (best && rateOf(best) >= rateOf(one) ? best : one),
    undefined,
  )

/** The median of the rounds' ratios: what disturbs a round disturbs both sides of it. */
const ratioOf = (ours: Figures, theirs: Figures, what: 'rate' | 'p99'): number =>
  median(
    ours.samples.map(
      (sample, round) =>
        (sample[what] ?? Number.NaN) / (theirs.samples[round]?.[what] ?? Number.NaN),
    ),
  )

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : whole(value))

const medianOf = (
  { samples }: Figures,
  pick: (sample: Sample) => number | undefined,
): string | null => {
  const values = samples.map(pick).filter((value) => value !== undefined)
  return values.length > 0 ? milliseconds(median(values)) : null
}

const pair = (figures: Figures): string => {
  const p50 = medianOf(figures, (sample) => sample.p50)
  return p50 === null ? '' : `${p50} / ${medianOf(figures, (sample) => sample.p99)}`
}

const lag = (figures: Figures): string => {
  const p50 = medianOf(figures, (sample) => sample.lag?.p50)
  return p50 === null ? '' : `${p50} / ${medianOf(figures, (sample) => sample.lag?.p99)}`
}

const cores = ({ cores: all }: Figures): string =>
  Object.entries(all)
    .sort(([, a], [, b]) => b - a)
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join(', ')

/** The stages that every round had, as figures of their own. */
const stagesOf = ({ samples }: Figures): Figures[] => {
  const [first] = samples
  return (first?.stages ?? []).flatMap(({ name }) => {
    const all = samples.flatMap(({ stages = [] }) => stages.filter((one) => one.name === name))
    if (all.length < samples.length) return []
    const seconds = median(all.map((one) => one.seconds)).toFixed(1)
    return [{ name: `- ${name}, ${seconds} s`, samples: all.map(toSample), cores: {} }]
  })
}

const toSample = ({ rate, p50, p99 }: Stage): Sample => ({ rate, p50, p99, cores: {} })

const head = ['what', 'who', 'rate', 'p50 / p99 ms', 'lag p50 / p99 ms', 'ratio', 'bar', 'cores']

/** A table in Markdown: for each measure our rows with their ratio, then the yardsticks. */
export const toTable = (results: readonly Result[]): string => {
  const rows = results.flatMap(({ title, unit, compares, bar, ours, yardsticks }) => {
    const best = bestOf(yardsticks)
    const row = (figures: Figures, what: string, ratio: string, wanted: string) => [
      what,
      figures.name,
      `${whole(rateOf(figures))} ${unit}`,
      pair(figures),
      lag(figures),
      ratio,
      wanted,
      cores(figures),
    ]
    return [
      ...ours.flatMap((figures, index) => {
        const ratio = (one: Figures) => (best ? ratioOf(one, best, compares).toFixed(2) : '')
        const wanted = compares === 'p99' ? `p99 <= ${bar}` : `>= ${bar}`
        return [
          row(figures, index === 0 ? title : '', ratio(figures), wanted),
          ...stagesOf(figures).map((stage) => row(stage, '', ratio(stage), '')),
        ]
      }),
      ...yardsticks.map((figures) => row(figures, '', figures === best ? '1' : '', '')),
    ]
  })
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
