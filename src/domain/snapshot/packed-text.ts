/**
 * Texts one after the other in bytes: a length and UTF-8, or 0 and the 16 bytes of a UUID, which
 * almost all keys are.
 */
const uuid = 0
const long = 255

const digits = new Int8Array(128).fill(-1)
for (const [value, digit] of '0123456789abcdef'.split('').entries())
  digits[digit.charCodeAt(0)] = value

const dashes = new Set([8, 13, 18, 23])

/** Whether it was a UUID in small letters, which now stands in the 16 bytes from `at` on. */
const packUuid = (text: string, target: Buffer, at: number): boolean => {
  if (text.length !== 36) return false
  let place = at * 2
  for (let index = 0; index < 36; index++) {
    const code = text.charCodeAt(index)
    if (dashes.has(index)) {
      if (code !== 0x2d) return false
      continue
    }
    const digit = code < 128 ? (digits[code] as number) : -1
    if (digit < 0) return false
    if (place % 2 === 0) target[place >> 1] = digit << 4
    else target[place >> 1] = (target[place >> 1] as number) | digit
    place++
  }
  return true
}

/** An upper bound of the bytes that a text takes. */
export const packedLimit = (text: string): number => 5 + Math.max(16, text.length * 3)

/** Writes a text and answers where it ends. */
export const packText = (text: string, target: Buffer, at: number): number => {
  if (packUuid(text, target, at + 1)) {
    target[at] = uuid
    return at + 17
  }
  const length = Buffer.byteLength(text)
  // An empty text is written as a long one, since 0 stands for a UUID.
  if (length > 0 && length < long) {
    target[at] = length
    return at + 1 + target.write(text, at + 1)
  }
  target[at] = long
  target.writeUInt32LE(length, at + 1)
  return at + 5 + target.write(text, at + 5)
}

/** Where the text that begins here ends. */
export const endOfText = (source: Buffer, at: number): number => {
  const length = source.readUInt8(at)
  if (length === uuid) return at + 17
  return length < long ? at + 1 + length : at + 5 + source.readUInt32LE(at + 1)
}

export const unpackText = (source: Buffer, at: number): string => {
  const end = endOfText(source, at)
  if (end > source.length) throw new RangeError('a packed text goes on past its end')
  const length = source[at] as number
  if (length !== uuid) return source.toString('utf8', length < long ? at + 1 : at + 5, end)
  const hex = source.toString('hex', at + 1, end)
  const [a, b, c] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16)]
  return `${a}-${b}-${c}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
