import { CallError, Status } from './status.ts'

const PREFIX = 5

/** The greatest message that brings events: clients put up to 3 MiB into one, and 17 is their limit. */
export const MAX_EVENTS_MESSAGE = 17 * 1024 * 1024
/** The greatest message of any other kind. */
export const MAX_MESSAGE = 256 * 1024

/** Cuts the bytes of a call into its messages, each prefixed with a flag and its length. */
export class MessageReader {
  private readonly maxBytes: number
  private chunks: Buffer[] = []
  private length = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Takes in bytes and answers the messages that they complete. */
  push(chunk: Buffer): Buffer[] {
    this.chunks.push(chunk)
    this.length += chunk.length
    const wanted = this.wanted()
    if (wanted === undefined || this.length < wanted) return []
    const bytes = this.joined()
    const messages: Buffer[] = []
    let at = 0
    while (bytes.length - at >= PREFIX) {
      const end = at + PREFIX + this.messageLength(bytes, at)
      if (end > bytes.length) break
      messages.push(bytes.subarray(at + PREFIX, end))
      at = end
    }
    const rest = bytes.subarray(at)
    this.chunks = rest.length > 0 ? [rest] : []
    this.length = rest.length
    return messages
  }

  get isEmpty(): boolean {
    return this.length === 0
  }

  /** How many bytes the message at hand needs, once that can be known. */
  private wanted(): number | undefined {
    if (this.length < PREFIX) return undefined
    const [first] = this.chunks
    const bytes = first !== undefined && first.length >= PREFIX ? first : this.joined()
    return PREFIX + this.messageLength(bytes, 0)
  }

  private joined(): Buffer {
    const [first] = this.chunks
    if (first !== undefined && this.chunks.length === 1) return first
    const bytes = Buffer.concat(this.chunks)
    this.chunks = [bytes]
    return bytes
  }

  private messageLength(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0) {
      throw new CallError(Status.UNIMPLEMENTED, 'compressed messages are not supported')
    }
    const length = bytes.readUInt32BE(at + 1)
    if (length > this.maxBytes) {
      throw new CallError(
        Status.RESOURCE_EXHAUSTED,
        `a message of ${length} bytes is over the limit of ${this.maxBytes}`,
      )
    }
    return length
  }
}

/** A message with its prefix, ready to be sent. */
export function frameMessage(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  message.copy(framed, PREFIX)
  return framed
}
