import type { Table } from '../../projections/table.ts'
import { type Digest, digestChange, mostBytes } from './row-digest.ts'
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

/** A block is twice as large as the one before it: pages are small, and chunks are not. */
const firstBlockBytes = 8 * 1024
const lastBlockBytes = 256 * 1024

/**
 * Collects rows as bytes and keeps nothing else of them: in a fold of millions, objects that live
 * until they are written cost more in garbage collection than all the rest.
 */
export const rowLines = (table: Table): RowLines => {
  const spell = rowText(table)
  const change = digestChange()
  let full: Buffer[] = []
  let block = Buffer.alloc(0)
  let view = new DataView(block.buffer)
  let blockBytes = firstBlockBytes
  let at = 0
  let rows = 0
  const end = () => {
    if (at > 0) full.push(block.subarray(0, at))
    at = 0
  }
  return {
    add: (row) => {
      const text = spell(row)
      const needed = text.length * mostBytes + 1
      if (at + needed > block.length) {
        end()
        view = new DataView(new ArrayBuffer(Math.max(blockBytes, needed)))
        block = Buffer.from(view.buffer)
        blockBytes = Math.min(lastBlockBytes, 2 * blockBytes)
      }
      const from = at
      at += block.write(text, at)
      change.addBytes(view, from, at)
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
