import { randomUUID } from 'node:crypto'
import type { Recorded } from '../../src/domain/events/index.ts'

/** For event stores that are to keep something, and need not know what. */
export const eventOfSize = (revision: number, kilobytes: number): Recorded => ({
  type: 'CommandRefused',
  id: randomUUID(),
  revision,
  data: {
    command: 'Large',
    rejection: { code: 'too_large', message: 'x'.repeat(kilobytes * 1024), details: [] },
  },
  metadata: {} as Recorded['metadata'],
})
