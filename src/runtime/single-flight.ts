import { setTimeout as sleep } from 'node:timers/promises'

type Flight<Result> = { current: Promise<Result>; next: Promise<Result> | null }

/**
 * Runs at most one load of a name at a time, with at most one to follow it. Whoever comes while one
 * runs gets the next, so that every answer was begun after it was asked for.
 */
export const begunAfter = <Result>() => {
  const flights = new Map<string, Flight<Result>>()
  return (name: string, load: () => Promise<Result>): Promise<Result> => {
    const known = flights.get(name)
    if (known?.next) return known.next
    const run = async (before: Promise<unknown> | null) => {
      await before?.catch(() => {})
      const flight = flights.get(name)
      if (flight?.next) Object.assign(flight, { current: flight.next, next: null })
      try {
        return await load()
      } finally {
        if (flights.get(name)?.next === null) flights.delete(name)
      }
    }
    if (known) return (known.next = run(known.current))
    const current = run(null)
    flights.set(name, { current, next: null })
    return current
  }
}

/** Looks again, with growing pauses, until it finds something or the time is up. */
export const untilFound = async <Found>(
  look: () => Promise<Found | null>,
  patience: number,
  tooLate: () => Error,
): Promise<Found> => {
  const end = Date.now() + patience
  for (let delay = 4; ; delay = Math.min(100, delay * 2)) {
    const found = await look()
    if (found !== null) return found
    if (Date.now() + delay > end) throw tooLate()
    await sleep(delay)
  }
}
