import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/**
 * Writes a file whole or not at all: it appears under its name when the last of it is on disk. A
 * name that ends in `.gz` is packed.
 */
export const writeWhole = async (path: string, parts: AsyncIterable<string>): Promise<true> => {
  const unfinished = `${path}.${process.pid}.part`
  const source = Readable.from(chunks(parts))
  const file = createWriteStream(unfinished, { flags: 'wx', flush: true })
  try {
    if (path.endsWith('.gz')) await pipeline(source, createGzip(), file)
    else await pipeline(source, file)
    await rename(unfinished, path)
    return true
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

/** To a stream that stays open. False if its reader had enough before the end, as `head` may. */
export const writeTo = async (output: Writable, parts: AsyncIterable<string>): Promise<boolean> => {
  try {
    await pipeline(Readable.from(chunks(parts)), output, { end: false })
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EPIPE') return false
    throw error
  }
}

const chunkSize = 64 * 1024

/** Few writes for many small parts. */
async function* chunks(parts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let chunk = ''
  for await (const part of parts) {
    chunk += part
    if (chunk.length < chunkSize) continue
    yield Buffer.from(chunk)
    chunk = ''
  }
  yield Buffer.from(chunk)
}
