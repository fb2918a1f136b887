import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { type PlacedEvent, TOMBSTONE_REVISION } from '../../../src/event-store/log/section.ts'
import type { ExpectedRevision, WriteAnswer } from '../../../src/event-store/store/append.ts'
import type { EventStore } from '../../../src/event-store/store/event-store.ts'
import {
  dataOf,
  idOf,
  type NewEvent,
  typeOf,
} from '../../../src/event-store/store/recorded-event.ts'

/** One append that was asked for, and what is known of its fate. */
export type Attempt = {
  stream: string
  expected: ExpectedRevision
  events: NewEvent[]
  /** `open` until answered; `lost` when the process died first. */
  fate: 'open' | 'lost' | 'written' | 'refused'
  answer: WriteAnswer | undefined
  /** In which life of the process it was asked for. */
  life: number
}

type Fact = { position: number; stream: string; revision: number; id: string; digest: string }

const factOf = ({ position, stream, revision, event }: PlacedEvent): Fact => ({
  position,
  stream,
  revision,
  id: idOf(event),
  digest: digestOf(typeOf(event), dataOf(event)),
})

const digestOf = (type: string, data: Buffer) =>
  type === '$metadata' ? `${type} ${data.toString()}` : `${type} ${data.length} ${crc32(data)}`

/**
 * What must be true of a store, whatever happened to it. It knows only what was asked, what was
 * answered and what was read, never how the store works.
 */
export class Model {
  readonly attempts: Attempt[] = []
  private readonly byId = new Map<string, Attempt>()
  /** Whatever was acknowledged or read once must be there for ever, by position. */
  private readonly facts = new Map<number, Fact>()
  private readonly acknowledged: { position: number; stream: string; type: string }[] = []
  private readonly atLeast = new Map<string, number>()

  add(attempt: Attempt): void {
    this.attempts.push(attempt)
    for (const { id } of attempt.events) this.byId.set(id, attempt)
  }

  answered(attempt: Attempt, answer: WriteAnswer): void {
    const before = attempt.answer
    if (attempt.fate === 'written') {
      if (answer.kind === 'unavailable' || answer.kind === 'deleted') return
      assert.deepEqual(answer, before, 'a retry is answered as the first time')
      return
    }
    attempt.answer = answer
    attempt.fate = answer.kind === 'written' ? 'written' : 'refused'
    if (answer.kind === 'wrong_version') {
      assert.notEqual(answer.current, attempt.expected, 'a refusal has a reason')
      const known = this.atLeast.get(attempt.stream) ?? -1
      this.atLeast.set(attempt.stream, Math.max(known, answer.current))
    }
    if (answer.kind === 'written' && typeof attempt.expected === 'number') {
      assert.equal(answer.revision, attempt.expected + attempt.events.length)
    }
  }

  removed(stream: string, kind: 'delete' | 'tombstone', answer: WriteAnswer): void {
    if (answer.kind !== 'written' || answer.position === undefined) return
    this.acknowledged.push(
      kind === 'delete'
        ? { position: answer.position, stream: `$$${stream}`, type: '$metadata' }
        : { position: answer.position, stream, type: '$streamDeleted' },
    )
  }

  /** The process is gone, and with it the answers that were still due. */
  died(): void {
    for (const attempt of this.attempts) if (attempt.fate === 'open') attempt.fate = 'lost'
  }

  /** With nothing under way, everything has its answer. */
  checkAnswered(): void {
    assert.equal(
      this.attempts.find(({ fate }) => fate === 'open'),
      undefined,
      'all is answered',
    )
  }

  /** Reads everything and compares. `isRestart`: nothing is in flight, so every fate is known. */
  check(store: EventStore, isRestart: boolean): void {
    const all = [...store.readAll(0, 'forwards')].map(factOf)
    const backwards = [...store.readAll(Number.MAX_SAFE_INTEGER, 'backwards')].map(factOf)
    assert.deepEqual(backwards.reverse(), all, '$all is the same both ways')
    const streams = this.checkOrder(all)
    this.checkFacts(all)
    for (const { stream } of all.filter(({ revision }) => revision === TOMBSTONE_REVISION)) {
      assert.equal(store.streamState(stream), 'deleted', 'a tombstone lasts')
    }
    this.checkAttempts(streams, isRestart)
    for (const [stream, last] of this.atLeast) {
      assert((streams.get(stream)?.length ?? 0) > last, `a refusal said ${stream} had ${last}`)
    }
    for (const [name, events] of streams) this.checkStream(store, name, events, streams)
  }

  private checkOrder(all: Fact[]): Map<string, Fact[]> {
    const streams = new Map<string, Fact[]>()
    let last = 0
    for (const fact of all) {
      assert(fact.position > last, 'positions grow')
      last = fact.position
      if (fact.revision === TOMBSTONE_REVISION) continue
      const stream = streams.get(fact.stream) ?? []
      assert.equal(fact.revision, stream.length, `revisions of ${fact.stream} have no gap`)
      streams.set(fact.stream, [...stream, fact])
    }
    return streams
  }

  private checkFacts(all: Fact[]): void {
    const now = new Map(all.map((fact) => [fact.position, fact]))
    for (const fact of this.facts.values()) {
      assert.deepEqual(now.get(fact.position), fact, 'what was read once is there unchanged')
    }
    for (const fact of all) this.facts.set(fact.position, fact)
    for (const { position, stream, type } of this.acknowledged) {
      const fact = now.get(position)
      assert.equal(fact?.stream, stream, `the ${type} of ${stream} is there`)
      assert.equal(fact?.digest.startsWith(type), true)
    }
  }

  private checkAttempts(streams: Map<string, Fact[]>, isRestart: boolean): void {
    const places = new Map<string, Fact>()
    for (const facts of streams.values()) {
      for (const fact of facts) {
        assert(!places.has(fact.id), `event ${fact.id} is there once`)
        places.set(fact.id, fact)
        const attempt = this.byId.get(fact.id)
        assert(
          attempt !== undefined || fact.digest.startsWith('$'),
          `event ${fact.id} was asked for`,
        )
      }
    }
    for (const attempt of this.attempts) checkAttempt(attempt, places, isRestart)
  }

  private checkStream(
    store: EventStore,
    name: string,
    facts: Fact[],
    streams: Map<string, Fact[]>,
  ): void {
    const visible = visibleOf(name, facts, streams.get(`$$${name}`) ?? [])
    const read = [...store.readStream(name, 0, 'forwards')].map(factOf)
    assert.deepEqual(read, visible, `${name} forwards`)
    const last = facts.length
    const back = [...store.readStream(name, last, 'backwards')].map(factOf)
    assert.deepEqual(back.reverse(), visible, `${name} backwards`)
  }
}

function checkAttempt(attempt: Attempt, places: Map<string, Fact>, isRestart: boolean): void {
  const { events, stream, answer, fate } = attempt
  const found = events.filter(({ id }) => places.has(id))
  if (answer?.kind === 'written' && fate === 'written') {
    const first = answer.revision - events.length + 1
    for (const [i, event] of events.entries()) {
      const fact = places.get(event.id)
      assert(fact !== undefined, `acknowledged event ${event.id} is there`)
      assert.equal(fact.stream, stream)
      assert.equal(fact.revision, first + i, 'at the revision that was answered')
      assert.equal(fact.digest, digestOf(event.type, event.data))
    }
    const last = places.get(events.at(-1)?.id ?? '')
    assert.equal(last?.position, answer.position, 'at the position that was answered')
  } else if (fate === 'refused') {
    assert.equal(found.length, 0, 'nothing is there of what was refused')
  } else if (found.length > 0) {
    assert.equal(found.length, events.length, 'an append is there whole or not at all')
    const revisions = events.map(({ id }) => places.get(id)?.revision ?? Number.NaN)
    const [first] = revisions
    assert.deepEqual(
      revisions,
      events.map((_, i) => (first ?? 0) + i),
    )
    if (!isRestart) return
    attempt.fate = 'written'
    const revision = revisions.at(-1) ?? -1
    const position = places.get(events.at(-1)?.id ?? '')?.position
    attempt.answer = { kind: 'written', revision, position }
  } else if (isRestart) {
    attempt.fate = 'refused'
    attempt.answer = undefined
  }
}

function visibleOf(name: string, facts: Fact[], metadata: Fact[]): Fact[] {
  if (name.startsWith('$$')) return facts.slice(-1)
  const digest = metadata.at(-1)?.digest
  if (digest === undefined) return facts
  const { $tb, $maxCount } = JSON.parse(digest.slice('$metadata '.length)) as {
    $tb?: number
    $maxCount?: number
  }
  const kept = $maxCount === undefined ? facts : facts.slice(-$maxCount)
  return kept.filter(({ revision }) => revision >= ($tb ?? 0))
}
