/** The parts of a stream's metadata that change what a read of the stream gives. */
export type StreamMetadata = {
  maxCount: number | undefined
  maxAgeSeconds: number | undefined
  truncateBefore: number
  isSoftDeleted: boolean
}

/** The greatest int64, as a double: EventStoreDB's `$tb` of a stream that was deleted softly. */
const DELETED = 2 ** 63

export const NO_METADATA: StreamMetadata = {
  maxCount: undefined,
  maxAgeSeconds: undefined,
  truncateBefore: 0,
  isSoftDeleted: false,
}

export const SOFT_DELETE_METADATA = '{"$tb":9223372036854775807}'

/** Reads the data of a `$metadata` event. What is not understood has no effect. */
export function parseStreamMetadata(data: string): StreamMetadata {
  const json = parseObject(data)
  if (json === undefined) return NO_METADATA
  const truncateBefore = positive(json['$tb']) ?? 0
  return {
    maxCount: positive(json['$maxCount']),
    maxAgeSeconds: positive(json['$maxAge']),
    truncateBefore,
    isSoftDeleted: truncateBefore >= DELETED,
  }
}

/** The metadata that a softly deleted stream gets when it is written again. */
export function recreatedMetadata(data: string, truncateBefore: number): string {
  return JSON.stringify({ ...parseObject(data), $tb: truncateBefore })
}

function parseObject(data: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(data)
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const positive = (value: unknown) =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
