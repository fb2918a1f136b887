import type { Appended, AppendRefusal, BookLog, LogHead } from '../../../src/commands/book-log.ts'
import type { Recorded } from '../../../src/domain/events/index.ts'
import { Rejected, reject } from '../../../src/domain/rejection.ts'
import type { StoredEvent } from '../../../src/domain/upcast.ts'
import type { Random } from '../../support/random.ts'

/** The one stream of a book, by the rules of EventStoreDB. */
export type SimulatedStore = {
  readonly events: Recorded[]
  readonly append: (expected: number, events: readonly Recorded[]) => Appended
}

export const simulatedStore = (): SimulatedStore => {
  const events: Recorded[] = []
  return {
    events,
    append: (expected, added) => {
      const last = events.length - 1
      // Expected = current writes again, even where the ids are known.
      if (expected === last) {
        events.push(...added)
        return { kind: 'appended' }
      }
      const isKnown =
        expected < last && added.every(({ id }, index) => events[expected + 1 + index]?.id === id)
      return { kind: isKnown ? 'appended' : 'wrong_revision' }
    },
  }
}

export const headOf = (events: readonly Recorded[]): LogHead => ({
  revision: events.length - 1,
  hash: events.at(-1)?.metadata.hash ?? null,
})

/** How often things go wrong, as probabilities. */
export type Weather = {
  /** The request never arrives. */
  readonly lostRequest: number
  /** It is stored, and nobody is told. */
  readonly lostAnswer: number
  /** It is stored long after the sender gave up. */
  readonly lateLanding: number
  /** It arrives twice. */
  readonly doubled: number
  readonly failingRead: number
  readonly slowRead: number
  /** The index of lookups is behind when it is asked. */
  readonly laggingIndex: number
  /** It is that of another log, or broken. */
  readonly falseIndex: number
  /** A snapshot is broken, or of another log. */
  readonly falseSnapshot: number
  /** The store does not let this process write just now. */
  readonly denied: number
  /** It refuses appends of more than two events. */
  readonly isSmall: boolean
}

/** What one process has at hand: a clock that stops with it, and chance. */
export type Surroundings = {
  readonly random: Random
  readonly after: (ms: number, run: () => void) => () => void
  readonly weather: () => Weather
}

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value

/** The store as one process reaches it, over a network. */
export const reach = (
  store: SimulatedStore,
  { random, after, weather }: Surroundings,
  /** Goes on when the process is gone. */
  network: Surroundings['after'],
): BookLog => {
  const sleep = (ms: number) => new Promise<void>((resolve) => after(ms, resolve))
  const deadline = 5_000

  const append: BookLog['append'] = (_, expected, events) =>
    new Promise((resolve) => {
      const sent = copy(events)
      const { lostRequest, lostAnswer, lateLanding, doubled, denied, isSmall } = weather()
      const there = random.between(0, 20)
      const back = random.between(0, 20)
      const giveUp = random.chance(0.5) ? random.between(0, 40) : deadline
      const land = () => store.append(expected, sent)
      const isUnknown = () =>
        after(giveUp, () => resolve({ kind: 'unknown', error: new Error('no answer came') }))
      const refuse = (why: AppendRefusal) =>
        after(there + back, () => resolve({ kind: 'refused', why }))
      const fate = random.next()
      if (isSmall && events.length > 2) {
        refuse('too_large')
      } else if (fate > 1 - denied) {
        refuse('denied')
      } else if (fate < lostRequest) {
        isUnknown()
      } else if (fate < lostRequest + lostAnswer) {
        network(there, land)
        isUnknown()
      } else if (fate < lostRequest + lostAnswer + lateLanding) {
        network(giveUp + random.between(0, 12_000), land)
        isUnknown()
      } else {
        network(there, () => {
          const result = land()
          after(back, () => resolve(result))
        })
        if (random.chance(doubled)) network(there + random.between(0, 3_000), land)
      }
    })

  const delay = async () => {
    const { failingRead, slowRead } = weather()
    await sleep(random.chance(slowRead) ? random.between(500, deadline) : random.between(0, 20))
    if (random.chance(failingRead)) throw new Rejected(reject('store_unavailable'))
  }

  async function* read(_: string, from: number, limit = Number.POSITIVE_INFINITY) {
    await delay()
    const page = store.events.slice(from, from + limit)
    for (const [index, event] of page.entries()) {
      if (index % 4 === 3) await delay()
      yield event as StoredEvent
    }
  }

  const head = async () => {
    // What the store says is true when it says it, not when it is asked or heard.
    await delay()
    const last = headOf(store.events)
    await sleep(random.between(0, 20))
    return last
  }

  return { append, read, head }
}
