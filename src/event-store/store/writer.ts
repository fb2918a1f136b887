import { randomUUID } from 'node:crypto'
import type { Group } from '../log/group.ts'
import type { Log } from '../log/log.ts'
import { type Section, TOMBSTONE_REVISION } from '../log/section.ts'
import type { Report } from '../report.ts'
import type { WriteAnswer, WriteRequest } from './append.ts'
import { decideAppend, decideRemoval } from './decide.ts'
import { PendingView } from './pending-view.ts'
import type { RecentIds } from './recent-ids.ts'
import { encodeRecords } from './recorded-event.ts'
import { metastreamOf, type Stream, type StreamIndex } from './stream-index.ts'
import { recreatedMetadata, SOFT_DELETE_METADATA } from './stream-metadata.ts'

export type WriterOptions = {
  log: Log
  index: StreamIndex
  recentIds: RecentIds
  now: () => number
  report: Report
  /** How many requests make up a group at most. */
  groupRequests: number
  onCommit: () => void
  /** After a failed sync nobody knows what the disk holds: the process has to end. */
  onFatal: (error: Error) => void
}

type Pending = {
  request: WriteRequest
  answer: (answer: WriteAnswer) => void
  isExpired: () => boolean
}
type Answered = { pending: Pending; answer: WriteAnswer }
type Undo = { stream: Stream; length: number; tombstone: number }

const GROUP_BYTES = 8 * 1024 * 1024

/**
 * Decides and writes, one group after the other. Whatever arrives while a group is being synced
 * makes up the next one. Every answer of a group, refusals included, waits for its sync: a refusal
 * must not rest on what was never durable.
 */
export class Writer {
  private readonly options: WriterOptions
  private queue: Pending[] = []
  private running: Promise<void> | undefined
  private failure: string | undefined
  private readonly view: PendingView
  private undo: Undo[] = []

  constructor(options: WriterOptions) {
    this.options = options
    this.view = new PendingView(options.log, options.recentIds)
  }

  write(request: WriteRequest, isExpired: () => boolean = () => false): Promise<WriteAnswer> {
    return new Promise((resolve) => {
      this.queue.push({ request, answer: resolve, isExpired })
      this.running ??= this.run()
    })
  }

  /** Whether a sync failed: then nothing more is written, and what was in hand never answered. */
  get hasFailed(): boolean {
    return this.failure !== undefined
  }

  /** Resolves once all that was asked for has been answered. */
  async drained(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  private async run(): Promise<void> {
    await Promise.resolve() // Callers of the same turn join the first group.
    try {
      while (this.queue.length > 0) await this.writeGroup()
    } catch (error) {
      this.fail(error as Error)
    } finally {
      this.running = undefined
    }
  }

  private async writeGroup(): Promise<void> {
    if (this.failure !== undefined) return this.refuseAll(this.failure)
    const { log } = this.options
    try {
      await log.rollIfFull()
    } catch (error) {
      if (!isDiskError(error)) throw error
      return this.refuseAll(`the log cannot go on: ${error.message}`)
    }
    const group = log.beginGroup()
    this.view.group = group
    this.undo = []
    const answered = this.decideGroup(group)
    if (group.size > 0) {
      try {
        log.write(group)
      } catch (error) {
        await this.abandon(answered, error as Error)
        return
      }
      await log.commit(group)
      for (const { stream } of this.undo) stream.committed = stream.positions.length
    }
    this.view.group = undefined
    for (const { pending, answer } of answered) pending.answer(answer)
    if (group.size > 0) this.options.onCommit()
  }

  private decideGroup(group: Group): Answered[] {
    const answered: Answered[] = []
    let taken = 0
    for (const pending of this.queue) {
      if (taken >= this.options.groupRequests || group.size >= GROUP_BYTES) break
      taken++
      const answer: WriteAnswer = pending.isExpired()
        ? { kind: 'expired' }
        : this.tryDecide(pending.request)
      answered.push({ pending, answer })
    }
    this.queue = taken === this.queue.length ? [] : this.queue.slice(taken)
    return answered
  }

  private tryDecide(request: WriteRequest): WriteAnswer {
    try {
      return this.decide(request)
    } catch (error) {
      if (!isDiskError(error)) throw error
      return { kind: 'unavailable', reason: `the log cannot be read: ${error.message}` }
    }
  }

  private decide(request: WriteRequest): WriteAnswer {
    const stream = this.options.index.get(request.stream)
    if (request.stream.startsWith('$$')) {
      const base = this.options.index.get(request.stream.slice(2))
      if (base !== undefined && base.tombstone !== 0) return { kind: 'deleted' }
    }
    if (request.kind === 'append') {
      return decideAppend(request, stream, this.view) ?? this.append(request, stream)
    }
    const refused = decideRemoval(request, stream, this.view)
    if (refused !== undefined) return refused
    return request.kind === 'delete'
      ? this.softDelete(request.stream)
      : this.tombstone(request.stream)
  }

  private append(
    request: Extract<WriteRequest, { kind: 'append' }>,
    known: Stream | undefined,
  ): WriteAnswer {
    const firstRevision = (known?.last ?? -1) + 1
    const { ids, records, offsets } = request
    if (ids.length === 0) {
      return { kind: 'written', revision: firstRevision - 1, position: undefined }
    }
    const sections: Section[] = [{ stream: request.stream, firstRevision, records, offsets }]
    if (known !== undefined && this.view.isSoftDeleted(known)) {
      const data = this.view.metadataData(known)
      sections.push(this.metadataSection(known.name, recreatedMetadata(data, firstRevision)))
    }
    const [last] = this.add(sections)
    const stream = this.options.index.getOrCreate(request.stream)
    ids.forEach((id, i) => {
      this.options.recentIds.add(id, stream, firstRevision + i)
    })
    return { kind: 'written', revision: stream.last, position: last }
  }

  private softDelete(name: string): WriteAnswer {
    const [position] = this.add([this.metadataSection(name, SOFT_DELETE_METADATA)])
    return { kind: 'written', revision: 0, position }
  }

  private tombstone(name: string): WriteAnswer {
    const records = this.systemEvent(name, '$streamDeleted', '')
    const [position] = this.add([{ stream: name, firstRevision: TOMBSTONE_REVISION, ...records }])
    return { kind: 'written', revision: TOMBSTONE_REVISION, position }
  }

  private metadataSection(name: string, data: string): Section {
    const stream = metastreamOf(name)
    const firstRevision = (this.options.index.get(stream)?.last ?? -1) + 1
    return { stream, firstRevision, ...this.systemEvent(stream, '$metadata', data) }
  }

  private systemEvent(stream: string, type: string, data: string) {
    const event = {
      id: randomUUID(),
      type,
      contentType: 'application/json',
      data: Buffer.from(data),
      metadata: Buffer.alloc(0),
    }
    return encodeRecords(stream, [event], this.options.now())
  }

  /** Puts one frame into the group and the index; answers each section's last position. */
  private add(sections: Section[]): number[] {
    const starts = this.view.group?.add(sections) ?? []
    return sections.map(({ stream: name, firstRevision, offsets }, i) => {
      const stream = this.options.index.getOrCreate(name)
      const { positions, tombstone } = stream
      this.options.index.touch(stream)
      this.undo.push({ stream, length: positions.length, tombstone })
      const start = starts[i] ?? 0
      if (firstRevision === TOMBSTONE_REVISION) stream.tombstone = start
      else for (const offset of offsets) positions.push(start + offset)
      return start + (offsets.at(-1) ?? 0)
    })
  }

  /** The write failed: forget the group, clean the disk, and only if that worked say so. */
  private async abandon(answered: Answered[], error: Error): Promise<void> {
    for (const { stream, length, tombstone } of this.undo.reverse()) {
      stream.positions.truncate(length)
      stream.tombstone = tombstone
      stream.parsedMetadata = undefined // Another event may get the position it was read from.
    }
    this.view.group = undefined
    const reason = `the log cannot be written: ${error.message}`
    this.options.report('error', reason)
    await this.options.log.discard()
    for (const { pending } of answered) pending.answer({ kind: 'unavailable', reason })
  }

  private fail(error: Error): void {
    this.failure = `the event store has failed: ${error.message}`
    this.refuseAll(this.failure)
    this.options.onFatal(error)
  }

  private refuseAll(reason: string): void {
    const refused = this.queue
    this.queue = []
    for (const { answer } of refused) answer({ kind: 'unavailable', reason })
  }
}

/** Errors of the disk have the codes of errno, the store's own are in lower case. */
const isDiskError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code))
