import { appendFileSync, closeSync, openSync, readSync } from 'node:fs'

/** A list that grows on disk, not in memory: a line of JSON an item. */
export type Archive<Item> = Iterable<Item> & { readonly push: (item: Item) => void }

const bufferedChars = 1 << 20
const newline = '\n'.charCodeAt(0)

/** A new one in a file that does not exist yet. */
export const openArchive = <Item>(file: string): Archive<Item> => {
  let buffered = ''
  const flush = () => {
    appendFileSync(file, buffered)
    buffered = ''
  }
  return {
    push: (item) => {
      buffered += `${JSON.stringify(item)}\n`
      if (buffered.length > bufferedChars) flush()
    },
    *[Symbol.iterator]() {
      flush()
      for (const line of linesOf(file)) yield JSON.parse(line) as Item
    },
  }
}

function* linesOf(file: string): Generator<string> {
  const opened = openSync(file, 'r')
  try {
    const chunk = Buffer.allocUnsafe(bufferedChars)
    let begun: Buffer[] = []
    for (;;) {
      const length = readSync(opened, chunk)
      if (length === 0) return
      let from = 0
      for (;;) {
        const end = chunk.subarray(0, length).indexOf(newline, from)
        if (end < 0) break
        yield Buffer.concat([...begun, chunk.subarray(from, end)]).toString()
        begun = []
        from = end + 1
      }
      begun.push(Buffer.from(chunk.subarray(from, length)))
    }
  } finally {
    closeSync(opened)
  }
}
