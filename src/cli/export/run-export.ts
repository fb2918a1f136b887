import { endOf } from '../../domain/instant.ts'
import type { Progress } from '../import/progress.ts'
import { type Booked, bookedIn } from './booked.ts'
import type { Format } from './formats.ts'
import type { History, HistoryEvent } from './history.ts'
import { sorted } from './sorted.ts'
import { type Survey, survey } from './survey.ts'
import { toCsv } from './to-csv.ts'
import { toHledger } from './to-hledger.ts'
import { toNdjson } from './to-ndjson.ts'

export type ExportOptions = {
  readonly format: Format
  /** What takes effect later is left out; a day is meant to its end. */
  readonly until: string | undefined
}

/** The text of an export, part by part; the same for the same history. */
export async function* runExport(
  { events, revision }: Pick<History, 'events' | 'revision'>,
  { format, until }: ExportOptions,
  progress: Progress,
): AsyncGenerator<string> {
  const count = revision + 1
  progress.start(2 * count)
  const about = await survey(counted(events(), 0, progress))
  const again = counted(events(), count, progress)
  if (format === 'ndjson') {
    yield* toNdjson(again, new Set(about.changedMetadata.keys()))
  } else {
    const booked = upTo(bookedIn(again, about), until, about)
    const inOrder = sorted(booked, { keyOf })
    yield* format === 'csv' ? toCsv(about, inOrder) : toHledger(about, inOrder)
  }
  progress.stop()
}

async function* counted(
  events: AsyncIterable<HistoryEvent>,
  before: number,
  progress: Progress,
): AsyncGenerator<HistoryEvent> {
  for await (const event of events) {
    yield event
    progress.update(before + event.revision + 1)
  }
}

async function* upTo(
  booked: AsyncIterable<Booked>,
  until: string | undefined,
  { timeZone }: Survey,
): AsyncGenerator<Booked> {
  const end = until === undefined ? Number.POSITIVE_INFINITY : endOf(until, timeZone)
  for await (const one of booked) if (Date.parse(one.effectiveAt) < end) yield one
}

/** By date, then as it was recorded. */
const keyOf = ({ effectiveAt, revision, index }: Booked): string =>
  `${effectiveAt} ${String(revision).padStart(16, '0')} ${String(index).padStart(6, '0')}`
