/**
 * Protocol Buffers by hand, as much as the protocol needs: the store's own messages are few, and
 * an event's bytes pass through untouched (https://protobuf.dev/programming-guides/encoding).
 */
const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** A message that is not what it should be. Answered with INVALID_ARGUMENT. */
export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`malformed message: ${what}`)
    this.name = 'MalformedMessage'
  }
}

/** Walks the fields of a message. Read a field's value or not: `next` skips what was not read. */
export class Fields {
  number = 0
  private wireType = VARINT
  private readonly buffer: Buffer
  private at: number
  private isRead = true

  constructor(buffer: Buffer, start = 0) {
    this.buffer = buffer
    this.at = start
  }

  next(): boolean {
    if (!this.isRead) this.skip()
    if (this.at >= this.buffer.length) return false
    const tag = this.varint()
    this.number = Math.floor(tag / 8)
    this.wireType = tag % 8
    if (this.number === 0) throw new MalformedMessage('field number 0')
    this.isRead = false
    return true
  }

  get isBytes(): boolean {
    return this.wireType === BYTES
  }

  /** An unsigned integer. Above 2^53 it is rounded, which no caller can tell apart. */
  uint(): number {
    this.expect(VARINT)
    return this.varint()
  }

  bool(): boolean {
    return this.uint() !== 0
  }

  /** A signed 64-bit integer, all of its bits. */
  int64(): bigint {
    this.expect(VARINT)
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new MalformedMessage('a varint of more than ten bytes')
  }

  bytes(): Buffer {
    this.expect(BYTES)
    const length = this.varint()
    const end = this.at + length
    if (end > this.buffer.length) throw new MalformedMessage('a field is longer than its message')
    const value = this.buffer.subarray(this.at, end)
    this.at = end
    return value
  }

  string(): string {
    const bytes = this.bytes()
    return bytes.toString('utf8')
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType)
      throw new MalformedMessage(`field ${this.number} has a wrong type`)
    this.isRead = true
  }

  private skip(): void {
    this.isRead = true
    if (this.wireType === VARINT) this.varint()
    else if (this.wireType === FIXED64) this.at += 8
    else if (this.wireType === FIXED32) this.at += 4
    else if (this.wireType === BYTES) this.bytesLength()
    else throw new MalformedMessage(`wire type ${this.wireType}`)
    if (this.at > this.buffer.length) throw new MalformedMessage('it ends inside a field')
  }

  private bytesLength(): void {
    const length = this.varint()
    this.at += length
  }

  private byte(): number {
    const byte = this.buffer[this.at++]
    if (byte === undefined) throw new MalformedMessage('it ends inside a number')
    return byte
  }

  private varint(): number {
    let value = 0
    let factor = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new MalformedMessage('a varint of more than ten bytes')
  }
}

export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

/** Writes an unsigned integer below 2^53 and answers where it ends. */
export function writeVarint(into: Buffer, value: number, offset: number): number {
  let at = offset
  let rest = value
  while (rest >= 0x8000_0000) {
    into[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest >= 128) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

const headed = (tag: number, value: number, extra: number): [Buffer, number] => {
  const buffer = Buffer.allocUnsafe(varintLength(tag) + varintLength(value) + extra)
  return [buffer, writeVarint(buffer, value, writeVarint(buffer, tag, 0))]
}

/** A varint field. Zero is written too: within a oneof it says which one. */
export const uintField = (field: number, value: number): Buffer =>
  headed(field * 8 + VARINT, value, 0)[0]

export function int64Field(field: number, value: bigint): Buffer {
  const bytes: number[] = [field * 8 + VARINT]
  let rest = BigInt.asUintN(64, value)
  while (rest >= 128n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

export function bytesField(field: number, value: Buffer): Buffer {
  const [buffer, at] = headed(field * 8 + BYTES, value.length, value.length)
  value.copy(buffer, at)
  return buffer
}

export function stringField(field: number, value: string): Buffer {
  const length = Buffer.byteLength(value)
  const [buffer, at] = headed(field * 8 + BYTES, length, length)
  buffer.write(value, at, 'utf8')
  return buffer
}

/** A field that is a message of the given fields. */
export const messageField = (field: number, ...fields: Buffer[]): Buffer =>
  bytesField(field, Buffer.concat(fields))

export const EMPTY = Buffer.alloc(0)
