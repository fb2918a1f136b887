/** Time that stands still until told, and then jumps to whatever is due next. */
export type VirtualTime = {
  readonly now: () => number
  readonly after: (ms: number, run: () => void) => () => void
  readonly sleep: (ms: number) => Promise<void>
  /** Lets everything happen, in order, until nothing is due any more. */
  readonly runOut: () => Promise<void>
}

type Due = { readonly at: number; readonly run: () => void; isCalledOff: boolean }

/** More than this is a loop that waits for something that never comes. */
const maxSteps = 200_000

export const virtualTime = (start: number): VirtualTime => {
  let now = start
  /** The next one last; of one instant the first comer last. */
  const dues: Due[] = []

  const after = (ms: number, run: () => void) => {
    const due: Due = { at: now + Math.max(0, ms), run, isCalledOff: false }
    let place = dues.length
    while (place > 0 && dues[place - 1]!.at <= due.at) place--
    dues.splice(place, 0, due)
    return () => {
      due.isCalledOff = true
    }
  }

  return {
    now: () => Math.floor(now),
    after,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    runOut: async () => {
      for (let step = 0; step < maxSteps; step++) {
        await allPromises()
        const due = dues.pop()
        if (!due) return
        if (due.isCalledOff) continue
        now = due.at
        due.run()
      }
      throw new Error('time does not run out')
    },
  }
}

/** Once the event loop comes round, every promise that could go on has done so. */
const allPromises = () => new Promise<void>((resolve) => setImmediate(resolve))
