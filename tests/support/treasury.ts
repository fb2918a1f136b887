import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const folder = new URL('../../../examples/us-treasury/', import.meta.url)

export const postingsFile = fileURLToPath(new URL('postings.csv.gz', folder))

/** The rows of one of the example's files, without the line that names its columns. */
export const readExample = (name: string): string[][] => {
  const lines = gunzipSync(readFileSync(new URL(name, folder)))
    .toString()
    .trimEnd()
    .split('\n')
  return lines.slice(1).map((line) => line.split(','))
}

export const linesOfPostings = (): string[] =>
  gunzipSync(readFileSync(postingsFile)).toString().trimEnd().split('\n')
