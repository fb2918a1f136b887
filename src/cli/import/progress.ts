import { SingleBar } from 'cli-progress'

export type Progress = {
  readonly start: (total: number) => void
  readonly update: (done: number) => void
  readonly stop: () => void
}

/** A bar on a terminal; elsewhere a line at every tenth. Both on standard error. */
export const showProgress = (what: string, unit = 'transactions'): Progress =>
  process.stderr.isTTY ? bar(what, unit) : lines(what, unit)

const bar = (what: string, unit: string): Progress => {
  const single = new SingleBar({
    format: `${what} {bar} {percentage}%  {value}/{total} ${unit}, {rate}/s, {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: false,
  })
  let start = 0
  return {
    start: (total) => {
      start = performance.now()
      single.start(total, 0, { rate: 0 })
    },
    update: (done) => {
      const rate = Math.round(done / ((performance.now() - start) / 1000))
      single.update(done, { rate })
    },
    stop: () => single.stop(),
  }
}

const lines = (what: string, unit: string): Progress => {
  let total = 0
  let shown = 0
  return {
    start: (count) => {
      total = count
      console.error(`${what}: ${total} ${unit}`)
    },
    update: (done) => {
      const tenth = Math.floor((10 * done) / total)
      if (tenth > shown) console.error(`${what}: ${tenth * 10} %`)
      shown = tenth
    },
    stop: () => {},
  }
}
