import { type Attempt, patienceMs } from './http.ts'
import { codeOf, type Journal, type Worked } from './journal.ts'

const hangMs = 10_000
/** What a broken connection may take to be noticed on either side. */
const slackMs = 500

const unavailable = new Set([
  'not_yet_visible',
  'write_contention',
  'outcome_unknown',
  'overloaded',
  'store_unavailable',
])

/**
 * Faults between this client and this API, or of the API itself, while the request was under way.
 * A client cannot tell that a connection died in a black hole before it has waited in vain on it.
 */
const excuses = ({ api, sentAt, endedAt }: Attempt, faults: readonly Worked[]): Worked[] => {
  const name = `api-${api + 1}`
  return faults.filter(
    ({ fault, from, until }) =>
      fault.targets.some((target) => target === name || target === `client -> ${name}`) &&
      from - slackMs <= endedAt &&
      until + (fault.kind === 'hole' ? patienceMs : slackMs) >= sentAt,
  )
}

/** Every error is a proper one, and nobody waits longer than is promised. */
export const checkRequests = ({ troubles, slow, faults }: Journal): string[] => {
  const failures: string[] = []
  for (const attempt of troubles) {
    const { answer, failure, sentAt, endedAt } = attempt
    const name = nameOf(attempt)
    if (answer) {
      const problem = wrongWith(attempt)
      if (problem) failures.push(`answer: ${name}: ${problem}: ${answer.text.slice(0, 300)}`)
    } else if (failure !== 'TIMEOUT' || endedAt - sentAt > hangMs) {
      if (excuses(attempt, faults).length > 0) continue
      failures.push(`connection: ${name}: ${failure} after ${endedAt - sentAt} ms, without a fault`)
    }
  }
  for (const attempt of slow) {
    const { sentAt, endedAt } = attempt
    let ms = endedAt - sentAt
    const overlapping = excuses(attempt, faults)
    // What lived through a black hole is dead, and its end is the client's own affair.
    if (overlapping.some(({ fault }) => fault.kind === 'hole')) continue
    for (const { from, until } of overlapping) {
      ms -= Math.max(0, Math.min(until + slackMs, endedAt) - Math.max(from, sentAt))
    }
    if (ms > hangMs) failures.push(`hung: ${nameOf(attempt)} took ${endedAt - sentAt} ms`)
  }
  return failures
}

const wrongWith = ({ answer }: Attempt): string | null => {
  if (!answer) return null
  const code = codeOf(answer)
  if (answer.status === 503) {
    if (!unavailable.has(code ?? '')) return `503 with the code ${code}`
    return answer.headers['retry-after'] ? null : '503 without Retry-After'
  }
  return `${answer.status} ${code}, where nothing was wrong with the request`
}

const nameOf = ({ api, method, path, sentAt }: Attempt): string =>
  `${method} ${path} through api-${api + 1}, ${new Date(sentAt).toISOString()}`
