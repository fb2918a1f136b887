import type { Table } from '../../projections/table.ts'
import { type Digest, digestChange } from './row-digest.ts'
import { type AnyRow, rowText } from './row-text.ts'

/** Rows as COPY takes them, and what their digest comes to. */
export type Lines = {
  readonly rows: number
  readonly bytes: readonly Buffer[]
  readonly digest: Digest
}

export type RowLines = {
  readonly add: (row: AnyRow) => void
  readonly count: () => number
  /** Hands over what was added, and begins anew. */
  readonly take: () => Lines
}

const blockBytes = 256 * 1024
/** Of one UTF-16 unit in UTF-8. */
const most = 3

/**
 * Collects rows as bytes and keeps nothing else of them: in a fold of millions, objects that live
 * until they are written cost more in garbage collection than all the rest.
 */
export const rowLines = (table: Table): RowLines => {
  const spell = rowText(table)
  const change = digestChange()
  let full: Buffer[] = []
  let block = Buffer.alloc(0)
  let at = 0
  let rows = 0
  const end = () => {
    if (at > 0) full.push(block.subarray(0, at))
    at = 0
  }
  return {
    add: (row) => {
      const text = spell(row)
      change.add(text)
      const needed = text.length * most + 1
      if (at + needed > block.length) {
        end()
        block = Buffer.allocUnsafe(Math.max(blockBytes, needed))
      }
      at += block.write(text, at)
      block[at++] = 0x0a
      rows++
    },
    count: () => rows,
    take: () => {
      end()
      const taken = { rows, bytes: full, digest: change.take() }
      full = []
      block = Buffer.alloc(0)
      rows = 0
      return taken
    },
  }
}
