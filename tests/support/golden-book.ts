import { readFileSync } from 'node:fs'
import type { Recorded } from '../../src/domain/events/index.ts'

const file = new URL('../../../tests/data/golden-book.ndjson', import.meta.url)

/** The log that the first release recorded, as it is stored: of old versions, and not upcast. */
export const goldenLog: readonly Recorded[] = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
