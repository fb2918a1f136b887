import type { StreamName } from '../log/section.ts'

export type ExpectedRevision = number | 'no_stream' | 'any' | 'stream_exists'

/** Something to write, as a client asked for it. */
export type WriteRequest =
  | {
      kind: 'append'
      stream: StreamName
      expected: ExpectedRevision
      ids: readonly string[]
      /** The events as records of the log. */
      records: Buffer
      offsets: readonly number[]
    }
  | { kind: 'delete' | 'tombstone'; stream: StreamName; expected: ExpectedRevision }

/** What became of it. `current` is -1 where there is no stream. */
export type WriteAnswer =
  | { kind: 'written'; revision: number; position: number | undefined }
  | { kind: 'wrong_version'; current: number }
  | { kind: 'deleted' }
  | { kind: 'expired' }
  | { kind: 'unavailable'; reason: string }
