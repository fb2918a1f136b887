import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const each = 16
/** Drawn from the system 512 at a time: one by one they cost more than all else about an id. */
const pool = Buffer.alloc(512 * each)
let used = pool.length

/** 16 random bytes, to be read before the next are drawn. */
const draw = (): Buffer => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += each
  return pool.subarray(used - each, used)
}

let msecs = 0
let seq = 0

/** A UUID of version 7 (RFC 9562, section 6.2, method 1): above all that this process made before. */
export const newId = (): string => {
  const random = draw()
  const now = Date.now()
  if (now > msecs) {
    msecs = now
    seq = random.readUInt32BE(0) >>> 1
  } else if (++seq > 0xffff_ffff) {
    msecs++
    seq = 0
  }
  return v7({ random, msecs, seq })
}

/** Hex of 16 random bytes. */
export const newSalt = (): string => draw().toString('hex')
