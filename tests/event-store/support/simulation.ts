import { setImmediate as tick } from 'node:timers/promises'
import type { WriteAnswer } from '../../../src/event-store/store/append.ts'
import type { EventStore } from '../../../src/event-store/store/event-store.ts'
import type { NewEvent } from '../../../src/event-store/store/recorded-event.ts'
import { type Attempt, Model } from './model.ts'
import { Random } from './random.ts'
import { noFaults, SimulatedDisk } from './simulated-disk.ts'

export type EventStoreModule = { EventStore: typeof EventStore }

const STEPS = 70
const REMEMBERS_ALL = 1000
const STREAMS = ['a', 'b', 'c', 'd'] as const

/**
 * One run, wholly determined by its seed: appends, reads, removals and retries on a disk that fails,
 * a process that dies and a power that goes out. Throws when the store breaks a promise.
 */
export async function simulate(seed: number, module: EventStoreModule): Promise<void> {
  const run = new Simulation(seed, module)
  try {
    await run.run()
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

class Simulation {
  private readonly random: Random
  private readonly disk: SimulatedDisk
  private readonly model = new Model()
  private readonly module: EventStoreModule
  private readonly segmentBytes: number
  private readonly recentIds: number
  private readonly preallocateBytes: number
  private readonly groupRequests: number
  private store: EventStore | undefined
  private now = 1_700_000_000_000
  private life = 0
  private hasFailed = false
  private failure: Error | undefined
  /** Streams that were removed: there `no_stream` may write the same events anew. */
  private readonly removed = new Set<string>()

  constructor(seed: number, module: EventStoreModule) {
    this.random = new Random(seed)
    this.disk = new SimulatedDisk(this.random)
    this.module = module
    this.segmentBytes = this.random.pick([1024, 4096, 16_384, 1_000_000])
    this.recentIds = this.random.pick([7, REMEMBERS_ALL])
    this.preallocateBytes = this.random.pick([0, 0, 700, 3000])
    this.groupRequests = this.random.pick([1, 3, 100])
  }

  async run(): Promise<void> {
    await this.start()
    for (let i = 0; i < STEPS; i++) {
      await this.step()
      await tick()
      if (this.hasFailed) await this.restart(this.random.chance(0.5) ? 'crash' : 'kill')
    }
    this.disk.faults = noFaults
    await this.settle()
    await this.restart('crash')
    await this.restart('close')
  }

  private step(): unknown {
    const { random } = this
    const dice = random.below(100)
    if (dice < 40) return this.append()
    if (dice < 66) return this.disk.finishSync()
    if (dice < 71) return this.retry()
    if (dice < 76) return this.read()
    if (dice < 81) return this.remove()
    if (dice < 87) return this.setMetadata()
    if (dice < 92) return this.changeFaults()
    if (dice < 95) return this.restart('crash')
    if (dice < 97) return this.restart('kill')
    if (dice < 98) return this.restart('close')
    return this.settle()
  }

  private append(): void {
    const { random } = this
    const stream = random.pick(STREAMS)
    const events = Array.from({ length: 1 + random.below(4) }, () => this.newEvent())
    const last = this.store?.lastRevision(stream) ?? -1
    const expected = random.chance(0.6)
      ? last < 0
        ? 'no_stream'
        : last + random.pick([0, 0, 0, 0, 1, -1])
      : random.pick(['any', 'any', 'stream_exists', 'no_stream'] as const)
    const life = this.life
    this.submit({ stream, expected: expected === -1 ? 'no_stream' : expected, events, life })
  }

  private newEvent(): NewEvent {
    const size = this.random.chance(0.1) ? 2000 : 60
    return {
      id: this.random.uuid(),
      type: 'Happened',
      contentType: 'application/octet-stream',
      data: this.random.bytes(this.random.below(size)),
      metadata: Buffer.alloc(0),
    }
  }

  private submit(asked: Omit<Attempt, 'fate' | 'answer'>): void {
    const attempt: Attempt = { ...asked, fate: 'open', answer: undefined }
    this.model.add(attempt)
    this.send(attempt)
  }

  private send(attempt: Attempt): void {
    const { stream, expected, events } = attempt
    const { life, store } = this
    if (store === undefined) return
    const ids = events.map(({ id }) => id)
    const records = store.encode(stream, events)
    this.listen(store.write({ kind: 'append', stream, expected, ids, ...records }), (answer) => {
      if (life === this.life) this.model.answered(attempt, answer)
    })
  }

  private listen(answer: Promise<WriteAnswer>, onAnswer: (answer: WriteAnswer) => void): void {
    answer.then(onAnswer).catch((error: Error) => {
      this.failure ??= error
    })
  }

  /** Asks again for what was asked before, where the store promises to tell that it is a retry. */
  private retry(): void {
    const attempts = this.model.attempts.filter(({ stream, fate, expected, answer, life }) => {
      if (expected === 'no_stream' && this.removed.has(stream)) return false
      if (fate === 'refused') return answer === undefined || answer.kind === 'unavailable'
      const isKnownForEver = typeof expected === 'number' || expected === 'no_stream'
      const isRemembered = life === this.life && this.recentIds === REMEMBERS_ALL
      return fate === 'written' && (isKnownForEver || isRemembered)
    })
    const [first, ...rest] = attempts
    if (first === undefined) return
    const attempt = this.random.pick([first, ...rest])
    if (attempt.fate === 'refused') attempt.fate = 'open'
    this.send(attempt)
  }

  private read(): void {
    if (this.store !== undefined) this.withoutReadFaults(() => this.check(false))
  }

  private remove(): void {
    const { random, life, store } = this
    const kind = random.chance(0.15) ? 'tombstone' : 'delete'
    const stream = random.pick(STREAMS)
    this.removed.add(stream)
    if (store === undefined) return
    this.listen(store.write({ kind, stream, expected: 'any' }), (answer) => {
      if (life === this.life) this.model.removed(stream, kind, answer)
    })
  }

  private setMetadata(): void {
    const data = JSON.stringify(
      this.random.chance(0.5) ? { $maxCount: 1 + this.random.below(4) } : { $tb: 2 },
    )
    const event = { ...this.newEvent(), type: '$metadata', data: Buffer.from(data) }
    const stream = `$$${this.random.pick(STREAMS)}`
    this.submit({ stream, expected: 'any', events: [event], life: this.life })
  }

  private changeFaults(): void {
    const { random } = this
    const kind = random.pick(['none', 'none', 'full', 'flaky', 'sync', 'read'])
    this.disk.faults = {
      write: () =>
        kind === 'full' ? 'ENOSPC' : kind === 'flaky' && random.chance(0.3) ? 'EIO' : undefined,
      sync: () => kind === 'sync' && random.chance(0.3),
      read: () => kind === 'read' && random.chance(0.2),
    }
  }

  private withoutReadFaults(work: () => void): void {
    const { faults } = this.disk
    this.disk.faults = { ...faults, read: () => false }
    work()
    this.disk.faults = faults
  }

  private check(isRestart: boolean): void {
    if (this.failure !== undefined) throw this.failure
    if (this.store !== undefined) this.model.check(this.store, isRestart)
  }

  /** Lets all that is under way come to its end. */
  private async settle(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      await tick()
      idle = this.disk.isSyncing ? 0 : idle + 1
      this.disk.finishSync()
    }
    if (this.failure !== undefined) throw this.failure
    if (!this.hasFailed) this.model.checkAnswered()
  }

  private async restart(how: 'crash' | 'kill' | 'close'): Promise<void> {
    if (how === 'close' && !this.hasFailed && this.store !== undefined) {
      await this.pump(this.store.close())
    }
    this.life++
    if (how === 'crash') this.disk.crash()
    else this.disk.kill()
    await this.start()
  }

  private async start(): Promise<void> {
    this.store = undefined
    this.hasFailed = false
    this.model.died()
    this.disk.faults = noFaults
    while (this.store === undefined) {
      const opening = this.open()
      const dies = this.random.chance(0.1) ? this.random.below(3) : Number.POSITIVE_INFINITY
      this.store = await this.pump(opening, dies)
      if (this.store !== undefined) break
      if (this.random.chance(0.5)) this.disk.crash()
      else this.disk.kill()
    }
    this.check(true)
  }

  private open(): Promise<EventStore> {
    const { random, life } = this
    return this.module.EventStore.open({
      disk: this.disk,
      report: () => undefined,
      now: () => this.now++,
      random: () => random.below(2 ** 32),
      newId: () => random.uuid(),
      segmentBytes: this.segmentBytes,
      preallocateBytes: this.preallocateBytes,
      groupRequests: this.groupRequests,
      recentIds: this.recentIds,
      onFatal: () => {
        if (life === this.life) this.hasFailed = true
      },
    })
  }

  /** Lets the disk work until a promise settles, or the process dies after so many syncs. */
  private async pump<T>(promise: Promise<T>, dies = Number.POSITIVE_INFINITY) {
    let isSettled = false
    const settled = promise.finally(() => {
      isSettled = true
    })
    settled.catch(() => undefined)
    for (let syncs = 0; !isSettled; ) {
      await tick()
      if (this.disk.isSyncing && syncs++ >= dies) return undefined
      this.disk.finishSync()
    }
    return settled
  }
}
