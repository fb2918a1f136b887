import type { ExpectedRevision, WriteAnswer, WriteRequest } from './append.ts'
import type { Stream } from './stream-index.ts'

type Append = Extract<WriteRequest, { kind: 'append' }>
type Removal = Exclude<WriteRequest, { kind: 'append' }>

/** What a decision may ask about, the group in hand included. */
export type View = {
  isSoftDeleted(stream: Stream): boolean
  truncateBefore(stream: Stream): number
  idAt(stream: Stream, revision: number): string
  positionAt(stream: Stream, revision: number): number
  /** The revision under which a stream lately got an event of this id. */
  recentRevision(stream: Stream, id: string): number | undefined
}

/** `undefined` means: write it. */
export type Verdict = WriteAnswer | undefined

const wrongVersion = (stream: Stream | undefined): WriteAnswer => ({
  kind: 'wrong_version',
  current: stream?.last ?? -1,
})

export function decideAppend(request: Append, stream: Stream | undefined, view: View): Verdict {
  if (stream === undefined) {
    const mayBegin = request.expected === 'any' || request.expected === 'no_stream'
    return mayBegin ? undefined : wrongVersion(undefined)
  }
  if (stream.tombstone !== 0) return { kind: 'deleted' }
  switch (request.expected) {
    case 'any':
      return recentRetry(request, stream, view)
    case 'stream_exists':
      if (view.isSoftDeleted(stream)) return { kind: 'deleted' }
      if (stream.last < 0 && (stream.metastream?.last ?? -1) < 0) return wrongVersion(stream)
      return recentRetry(request, stream, view)
    case 'no_stream':
      if (stream.last < 0 || view.isSoftDeleted(stream)) return undefined
      return (
        retryFrom(0, request, stream, view) ??
        retryFrom(view.truncateBefore(stream), request, stream, view) ??
        wrongVersion(stream)
      )
    default:
      if (request.expected === stream.last) return undefined
      return retryFrom(request.expected + 1, request, stream, view) ?? wrongVersion(stream)
  }
}

/** The first answer again, if exactly these events were once written from this revision on. */
function retryFrom(first: number, { ids }: Append, stream: Stream, view: View): Verdict {
  const revision = first + ids.length - 1
  if (ids.length === 0 || revision > stream.last) return undefined
  if (!ids.every((id, i) => view.idAt(stream, first + i) === id)) return undefined
  return { kind: 'written', revision, position: view.positionAt(stream, revision) }
}

/** Without a revision only the ids can tell a retry, as far back as they are remembered. */
function recentRetry({ ids }: Append, stream: Stream, view: View): Verdict {
  const [first] = ids
  if (first === undefined || view.recentRevision(stream, first) === undefined) return undefined
  let revision = -1
  for (const id of ids) {
    const known = view.recentRevision(stream, id)
    if (known === undefined) return wrongVersion(stream)
    revision = known
  }
  return { kind: 'written', revision, position: view.positionAt(stream, revision) }
}

export function decideRemoval(request: Removal, stream: Stream | undefined, view: View): Verdict {
  if (stream !== undefined && stream.tombstone !== 0) return { kind: 'deleted' }
  const last = stream?.last ?? -1
  if (request.kind === 'delete' && last < 0) return wrongVersion(stream)
  const isSoftDeleted = stream !== undefined && view.isSoftDeleted(stream)
  if (request.expected === 'stream_exists' && isSoftDeleted) return { kind: 'deleted' }
  return isExpected(request.expected, last) ? undefined : wrongVersion(stream)
}

function isExpected(expected: ExpectedRevision, last: number): boolean {
  switch (expected) {
    case 'any':
      return true
    case 'stream_exists':
      return last >= 0
    case 'no_stream':
      return last < 0
    default:
      return expected === last
  }
}
