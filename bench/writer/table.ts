import { median } from '../statistics.ts'
import { megabytes, type Ready } from './measures.ts'

export type Bars = { readonly ready?: string; readonly growth?: string }

const inSeconds = (value: number): string => `${value.toFixed(2)} s`
const whole = (value: number): string => value.toLocaleString('en')

/** A table in Markdown: what it took some processes to have the same book. */
export const toTable = (title: string, samples: readonly Ready[], bars: Bars): string => {
  const row = (
    what: string,
    pick: (sample: Ready) => number,
    show: (value: number) => string,
    bar = '',
  ) => {
    const numbers = samples.map(pick)
    const [low, middle, high] = [Math.min(...numbers), median(numbers), Math.max(...numbers)]
    return `| ${what} | ${show(middle)} | ${show(low)} to ${show(high)} | ${bar} |`
  }
  return [
    `| ${title} | median | least to greatest | bar |`,
    '| --- | --- | --- | --- |',
    row('its writer is ready after', (one) => one.seconds, inSeconds, bars.ready),
    row('CPU time of that', (one) => one.cpuSeconds, inSeconds),
    row('events read after its snapshot', (one) => one.events, whole),
    row('the process grows by', (one) => one.added, megabytes, bars.growth),
    row('of that alive', (one) => one.live, megabytes),
    row('the whole process', (one) => one.process, megabytes),
    row('the same at its peak', (one) => one.peak, megabytes),
  ].join('\n')
}
