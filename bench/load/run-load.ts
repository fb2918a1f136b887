import { type Cores, type Observed, observe } from '../parts/observe.ts'
import { percentile } from '../statistics.ts'
import { type Connection, openConnection } from './connection.ts'
import { type Lag, type Watched, watchLag } from './lag.ts'
import { followOperation, type Stage } from './operation.ts'
import { type Asked, makeRequests } from './requests.ts'

export type Load = {
  readonly url: string
  readonly clients: number
  /** At least so long. */
  readonly ms: number
  /** The path of an operation that must have ended before the load does. */
  readonly operation?: string
  /** No more requests than these; any number if left out. */
  readonly most?: number
  readonly asked: Asked
  readonly observed: Observed
  /** The projection to wait for, and how far it lags behind. */
  readonly watched?: Watched
}

export type Loaded = {
  /** Answers with the expected status. */
  readonly count: number
  readonly seconds: number
  readonly perSecond: number
  /** In ms. */
  readonly p50: number
  readonly p99: number
  readonly others: Readonly<Record<string, number>>
  /** While the load was on. */
  readonly cores: Cores
  readonly lag: Lag | null
  /** Of the operation. */
  readonly stages?: readonly Stage[]
}

const expected = { single: 201, batch: 201, account: 200, page: 200 }

/** Each client sends its next request when the one before it is answered. */
export const runLoad = async (load: Load): Promise<Loaded> => {
  const { url, clients, ms, most = Number.MAX_SAFE_INTEGER, operation, asked, watched } = load
  const requests = makeRequests(asked)
  const connections = await Promise.all(Array.from({ length: clients }, () => openConnection(url)))
  const watch = watched && (await watchLag(watched))
  const followed = operation && (await followOperation(`${url}${operation}`, asked.token))
  const latencies: number[] = []
  const others: Record<string, number> = {}
  let count = 0
  let next = Math.floor(Math.random() * requests.length)
  const { seconds, cores } = await observe(load.observed, async () => {
    const end = performance.now() + ms
    const goesOn = (now: number) => count < most && (now < end || (followed && !followed.isOver()))
    const client = async ({ ask }: Connection) => {
      for (let sent = performance.now(); goesOn(sent); ) {
        count++
        next = next + 1 === requests.length ? 0 : next + 1
        const { status, revision, bytes } = await ask(requests[next] as Buffer)
        const now = performance.now()
        if (status === expected[asked.kind]) {
          latencies.push(now - sent)
          if (followed) followed.answered(now - sent)
        } else others[whatOf(bytes)] = (others[whatOf(bytes)] ?? 0) + 1
        if (watch && revision >= 0) watch.acknowledged(revision, now)
        sent = now
      }
    }
    await Promise.all([...connections.map(client), followed && followed.untilOver()])
  })
  const lag = watch ? await watch.caughtUp() : null
  for (const { close } of connections) close()
  latencies.sort((a, b) => a - b)
  return {
    count: latencies.length,
    seconds,
    perSecond: latencies.length / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    others,
    cores,
    lag,
    ...(followed && { stages: followed.stages() }),
  }
}

/** The status with the start of the body. */
const whatOf = (bytes: Buffer): string => {
  const text = bytes.toString()
  return `${text.slice(9, 12)} ${text.slice(text.indexOf('\r\n\r\n') + 4).slice(0, 200)}`
}
