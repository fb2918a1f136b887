import type { BookLog } from '../../../src/commands/book-log.ts'
import { bookWriter, type WriterOptions } from '../../../src/commands/book-writer.ts'
import type { LookupIndex } from '../../../src/commands/lookup-index.ts'
import type { Outcome, Received } from '../../../src/commands/received.ts'
import type { SnapshotStore } from '../../../src/commands/snapshot-store.ts'
import type { Recorded } from '../../../src/domain/events/index.ts'
import type { Snapshot } from '../../../src/domain/snapshot/book-snapshot.ts'
import { noBalances } from '../../support/facts.ts'
import { type Random, randomOf } from '../../support/random.ts'
import { bookId, idSource, receivedOf } from '../../support/received.ts'
import { reachIndex, type SimulatedIndex } from './index-of-lookups.ts'
import { type Request, requestsOf } from './requests.ts'
import { reachSnapshots, type SimulatedSnapshots } from './snapshots.ts'
import { reach, type SimulatedStore, simulatedStore, type Weather } from './store.ts'
import { type VirtualTime, virtualTime } from './time.ts'

/** One time that a client sent a request, and what it was told. */
export type Attempt = {
  readonly request: Request
  readonly received: Received
  readonly sentAt: number
  /** Of the last event in the store when it was sent. */
  readonly headWhenSent: number
  answeredAt: number | null
  headWhenAnswered: number
  outcome: Outcome | null
  /** Null too where the process died before it answered. */
  error: Error | null
  isCutOff: boolean
  /** Sent when the weather had cleared and all was over. */
  readonly isLast: boolean
}

export type Run = {
  readonly store: SimulatedStore
  readonly attempts: readonly Attempt[]
  /** Revisions that each living or dead process said it had appended. */
  readonly announced: readonly Recorded[]
  readonly snapshots: readonly Snapshot[]
  readonly isIdle: boolean
}

/** Puts a mistake into the writer or between it and its log. */
export type Mistake = {
  readonly writer?: typeof bookWriter
  readonly log?: (log: BookLog, surroundings: MistakeSurroundings) => BookLog
  readonly index?: (index: LookupIndex, surroundings: MistakeSurroundings) => LookupIndex
  readonly snapshots?: (kept: SnapshotStore, surroundings: MistakeSurroundings) => SnapshotStore
  readonly after?: (after: WriterOptions['after']) => WriterOptions['after']
  readonly received?: (received: Received) => Received
}
export type MistakeSurroundings = {
  readonly store: SimulatedStore
  readonly random: Random
  readonly sleep: (ms: number) => Promise<void>
}

const calm: Weather = {
  lostRequest: 0,
  lostAnswer: 0,
  lateLanding: 0,
  doubled: 0,
  failingRead: 0,
  slowRead: 0,
  laggingIndex: 0,
  falseIndex: 0,
  falseSnapshot: 0,
  denied: 0,
  isSmall: false,
}

/** Calm, a few faults, or many of one kind or of all. */
const weatherOf = (random: Random): Weather => {
  const rates = [0, 0, 0.03, 0.1, 0.3]
  const one = random.chance(0.3)
  const { isSmall: _, ...kinds } = calm
  if (one) return { ...calm, [random.pick(Object.keys(kinds) as (keyof typeof kinds)[])]: 0.3 }
  return {
    denied: random.pick(rates),
    isSmall: random.chance(0.2),
    lostRequest: random.pick(rates),
    lostAnswer: random.pick(rates),
    lateLanding: random.pick(rates),
    doubled: random.pick(rates),
    failingRead: random.pick(rates) / 3,
    slowRead: random.pick(rates) / 3,
    laggingIndex: random.pick([0, 0.5, 1]),
    falseIndex: random.pick(rates),
    falseSnapshot: random.pick([0, 0.1, 0.5]),
  }
}

const patience = 60_000

/** Clients, processes with a writer each, and a store, for some minutes that take no time. */
export const simulate = async (seed: number, mistake: Mistake = {}): Promise<Run> => {
  const random = randomOf(seed)
  const time = virtualTime(Date.parse('2024-03-01T12:00:00Z'))
  const store = simulatedStore()
  const bad = weatherOf(random)
  const healsAt = time.now() + 40_000
  const weather = () => (time.now() < healsAt ? bad : calm)
  const attempts: Attempt[] = []
  const announced: Recorded[] = []
  const limits: WriterOptions['limits'] = {
    window: random.pick([1, 2, 5, 20, 1_000]),
    gap: random.pick([0, 2, 10, 1_000]),
    snapshotEvery: random.pick([1, 2, 8, 1_000]),
    memory: 1e9,
  }
  const snapshots: SimulatedSnapshots = { kept: [], saved: [] }
  const world: World = {
    time,
    store,
    index: { checkpoint: -1 },
    snapshots,
    random,
    weather,
    limits,
  }
  const start = () => startProcess(world, announced, mistake)
  const processes = Array.from({ length: random.between(1, 3) }, start)
  const nextId = idSource(seed.toString(16))

  const send = (
    request: Request,
    process: number,
    isLast = false,
  ): { attempt: Attempt; ended: Promise<void> } => {
    const { command, data, key } = request
    const received = receivedOf(command, data, { key, nextId })
    const attempt: Attempt = {
      request,
      received,
      sentAt: time.now(),
      headWhenSent: store.events.length - 1,
      answeredAt: null,
      headWhenAnswered: -1,
      outcome: null,
      error: null,
      isCutOff: false,
      isLast,
    }
    attempts.push(attempt)
    const { writer, died } = processes[process]!
    const answered = writer.submit(mistake.received?.(received) ?? received)
    const heard = (outcome: Outcome | null, error: Error | null) => {
      if (attempt.isCutOff) return
      attempt.answeredAt = time.now()
      attempt.headWhenAnswered = store.events.length - 1
      attempt.outcome = outcome
      attempt.error = error
    }
    const ended = Promise.race([
      answered.then(
        (outcome) => heard(outcome, null),
        (error: Error) => heard(null, error),
      ),
      died.then(() => {
        attempt.isCutOff ||= attempt.answeredAt === null
      }),
    ])
    return { attempt, ended }
  }

  /** Sends, waits as long as this client likes to, and sends again until it knows. */
  const persist = async (request: Request): Promise<void> => {
    for (const began = time.now(); time.now() < began + patience; ) {
      const { attempt, ended } = send(request, random.between(0, processes.length - 1))
      const limit = random.chance(0.2) ? random.between(0, 3_000) : 20_000
      await Promise.race([ended, time.sleep(limit)])
      if (attempt.outcome) return
      // Without a key there is no safe way to try again.
      if (request.key === null && !request.hasIds) return
      await time.sleep(random.between(1, 2_000))
    }
  }

  const client = async (requests: readonly Request[]): Promise<void> => {
    for (const request of requests) {
      await time.sleep(random.chance(0.5) ? 0 : random.between(0, 1_000))
      if (random.chance(0.15)) void send(request, random.between(0, processes.length - 1))
      await persist(request)
    }
  }

  const deaths = random.chance(0.3) ? random.between(1, 3) : 0
  for (let death = 0; death < deaths; death++) {
    time.after(random.between(100, 30_000), () => {
      const victim = random.between(0, processes.length - 1)
      processes[victim]!.die()
      processes[victim] = start()
    })
  }
  const lettingGo = random.chance(0.5) ? random.between(1, 4) : 0
  for (let count = 0; count < lettingGo; count++) {
    time.after(random.between(100, 35_000), () => {
      const place = random.between(0, processes.length - 1)
      const { writer } = processes[place]!
      if (!writer.isIdle()) return
      void writer.keep()
      processes[place] = start()
    })
  }
  const all = requestsOf(random)
  void Promise.all(all.clients.map(client))
  // Time is not over before the weather has cleared.
  time.after(healsAt - time.now(), () => {})
  await time.runOut()
  // Long after all is said and done, every process gives every key its answer again.
  for (const request of [...all.opening, ...all.clients.flat()]) {
    if (request.key === null && !request.hasIds) continue
    for (const place of processes.keys()) send(request, place, true)
  }
  await time.runOut()
  const isIdle = processes.every(({ writer }) => writer.isIdle())
  return { store, attempts, announced, snapshots: snapshots.saved, isIdle }
}

type Process = {
  readonly writer: ReturnType<typeof bookWriter>
  readonly died: Promise<void>
  readonly die: () => void
}

type World = {
  readonly time: VirtualTime
  readonly store: SimulatedStore
  readonly index: SimulatedIndex
  readonly snapshots: SimulatedSnapshots
  readonly random: Random
  readonly weather: () => Weather
  readonly limits: WriterOptions['limits']
}

const startProcess = (
  { time, store, index, snapshots, random, weather, limits }: World,
  announced: Recorded[],
  mistake: Mistake,
): Process => {
  let isAlive = true
  let die = () => {}
  const died = new Promise<void>((resolve) => {
    die = () => {
      isAlive = false
      resolve()
    }
  })
  const after: WriterOptions['after'] = (ms, run) => time.after(ms, () => isAlive && run())
  const sleep = (ms: number) => new Promise<void>((resolve) => after(ms, resolve))
  const surroundings = { random, after, weather }
  const log = reach(store, surroundings, time.after)
  const lookups = reachIndex(index, store, surroundings)
  const kept = reachSnapshots(snapshots, store, surroundings)
  const around = { store, random, sleep }
  const writer = (mistake.writer ?? bookWriter)(bookId, {
    log: mistake.log?.(log, around) ?? log,
    index: mistake.index?.(lookups, around) ?? lookups,
    balances: noBalances,
    snapshots: mistake.snapshots?.(kept, around) ?? kept,
    limits,
    pause: () => (random.chance(0.5) ? sleep(random.between(0, 30)) : null),
    clock: () => time.now(),
    after: mistake.after?.(after) ?? after,
    random: random.next,
    appended: (_, events) => announced.push(...events),
    warn: () => {},
  })
  return { writer, died, die: () => die() }
}
