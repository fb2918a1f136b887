import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../statistics.ts'

/** What clients saw during one stage of an operation: answers count where they arrive. */
export type Stage = {
  readonly name: string
  readonly seconds: number
  /** Answers per second. */
  readonly rate: number
  /** In ms. */
  readonly p50: number
  readonly p99: number
}

type Operation = { readonly stage: string; readonly state: string; readonly error: string | null }

const pollMs = 20

/** Follows an operation, and sorts latencies by its stages, until it is done; fails if it fails. */
export const followOperation = async (address: string, token: string) => {
  const stages = new Map<string, { from: number; to: number; latencies: number[] }>()
  const look = async (): Promise<Operation> => {
    const response = await fetch(address, { headers: { authorization: `Bearer ${token}` } })
    const { data } = (await response.json()) as { data?: Operation }
    if (!data) throw new Error(`${address} answered ${response.status}`)
    return data
  }
  const enter = ({ stage, state }: Operation) => {
    const at = performance.now()
    current.to = at
    if (state !== 'running' || stages.get(stage) === current) return
    current = { from: at, to: at, latencies: [] }
    stages.set(stage, current)
  }
  let current = { from: 0, to: 0, latencies: [] as number[] }
  let seen = await look()
  enter(seen)
  return {
    isOver: () => seen.state !== 'running',
    answered: (latency: number) => current.latencies.push(latency),
    untilOver: async () => {
      for (; seen.state === 'running'; enter(seen)) {
        await sleep(pollMs)
        seen = await look()
      }
      const { state, error } = seen
      if (state !== 'done') throw new Error(`the operation is ${state}: ${error}`)
    },
    stages: () =>
      [...stages].map(([name, { from, to, latencies }]): Stage => {
        const seconds = (to - from) / 1000
        latencies.sort((a, b) => a - b)
        const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
        return { name, seconds, rate: latencies.length / seconds, p50, p99 }
      }),
  }
}
