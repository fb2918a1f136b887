import type { Readable } from 'node:stream'

/**
 * The lines of a text. Node's readline would also end lines at U+2028, which JSON may hold as it is.
 */
export async function* textLines(input: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of input.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    yield* lines
  }
  if (rest !== '') yield rest
}
