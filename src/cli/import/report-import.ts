import type { ImportResult } from './run-import.ts'

const shown = 20

/** Prints what became of an import; what was refused makes the command fail. */
export const reportImport = ({
  bookId,
  recorded,
  existing,
  empty,
  refused,
}: ImportResult): void => {
  console.log(`Book ${bookId}: ${recorded} recorded, ${existing} were there already.`)
  if (empty > 0) console.log(`${empty} left out: all their amounts are zero.`)
  if (refused.length === 0) return
  console.error(`${refused.length} refused:`)
  for (const { line, code, message } of refused.slice(0, shown)) {
    console.error(`  line ${line}: ${message} (${code})`)
  }
  if (refused.length > shown) console.error(`  and ${refused.length - shown} more`)
  process.exitCode = 1
}
