import type { Fault } from './schedule.ts'

export type Recovery = {
  readonly label: string
  readonly fault: Fault
  /** From when the fault was lifted; for what restarts, from when it was struck. Null: too long. */
  readonly ms: number | null
}

export type Times = {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export type Report = {
  readonly seed: number
  readonly minutes: number
  readonly startedAt: string
  readonly passed: boolean
  readonly faults: { readonly total: number; readonly byLabel: Readonly<Record<string, number>> }
  readonly commands: Readonly<Record<string, number>>
  readonly requests: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<string, number>>
  readonly recovery: Readonly<Record<string, Times>>
  readonly 'ms until visible, at the end'?: Readonly<Record<string, number>>
  readonly 'forwards since the last start'?: Readonly<Record<string, number>>
  readonly failures: readonly string[]
  readonly failedStarts: Readonly<Record<string, number>>
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0

export const timesOf = (values: readonly number[]): Times => {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
  }
}

export const tableOf = (recovery: Readonly<Record<string, Times>>): string => {
  const rows = Object.entries(recovery)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, { count, p50, p99, max }]) => [label, count, p50, p99, max].map(String))
  const lines = [['fault', 'times', 'p50 ms', 'p99 ms', 'max ms'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((at) =>
    Math.max(...lines.map((line) => line[at]?.length ?? 0)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  '),
    )
    .join('\n')
}
