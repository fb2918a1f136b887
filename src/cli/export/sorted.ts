import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { textLines } from '../text-lines.ts'

type Options<Item> = {
  /** Orders as text does; no two are equal. */
  readonly keyOf: (item: Item) => string
  /** Characters of JSON that are kept in memory at a time. */
  readonly runSize?: number
}

type Keyed = readonly [key: string, json: string]

/**
 * Items by their keys, however many there are: what does not fit into memory goes into sorted files
 * in a temporary folder, which are merged (Knuth, The Art of Computer Programming, vol. 3, 5.4.1).
 */
export async function* sorted<Item>(
  items: AsyncIterable<Item>,
  { keyOf, runSize = 32 * 1024 * 1024 }: Options<Item>,
): AsyncGenerator<Item> {
  let folder: string | null = null
  const files: string[] = []
  let run: Keyed[] = []
  let size = 0
  try {
    for await (const item of items) {
      const json = JSON.stringify(item)
      run.push([keyOf(item), json])
      size += json.length
      if (size < runSize) continue
      folder ??= await mkdtemp(join(tmpdir(), 'daybook-export-'))
      files.push(await writeRun(run, join(folder, String(files.length))))
      run = []
      size = 0
    }
    const sources = [...files.map(readRun), inMemory(run.sort(byKey))]
    for await (const [, json] of merged(sources)) yield JSON.parse(json) as Item
  } finally {
    if (folder) await rm(folder, { recursive: true, force: true })
  }
}

const byKey = ([one]: Keyed, [other]: Keyed): number => (one < other ? -1 : 1)

/** JSON has no line breaks of its own, and keys have no tabs. */
const writeRun = async (run: Keyed[], file: string): Promise<string> => {
  run.sort(byKey)
  await writeFile(file, linesOf(run))
  return file
}

function* linesOf(run: readonly Keyed[]): Generator<string> {
  for (const [key, json] of run) yield `${key}\t${json}\n`
}

async function* readRun(file: string): AsyncGenerator<Keyed> {
  for await (const line of textLines(createReadStream(file))) {
    const end = line.indexOf('\t')
    yield [line.slice(0, end), line.slice(end + 1)]
  }
}

async function* inMemory(run: readonly Keyed[]): AsyncGenerator<Keyed> {
  yield* run
}

async function* merged(sources: readonly AsyncGenerator<Keyed>[]): AsyncGenerator<Keyed> {
  const heads: { next: Keyed; readonly source: AsyncGenerator<Keyed> }[] = []
  for (const source of sources) {
    const { value, done } = await source.next()
    if (!done) heads.push({ next: value, source })
  }
  while (heads.length > 0) {
    let first = 0
    for (const [place, { next }] of heads.entries()) {
      if (byKey(next, (heads[first] as { next: Keyed }).next) < 0) first = place
    }
    const head = heads[first] as (typeof heads)[number]
    yield head.next
    const { value, done } = await head.source.next()
    if (done) heads.splice(first, 1)
    else head.next = value
  }
}
