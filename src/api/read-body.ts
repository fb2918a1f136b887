import type { IncomingMessage } from 'node:http'
import { refuse } from '../domain/rejection.ts'

/** A batch of a thousand transactions takes a third of this; its event could not be larger. */
const maxBodyBytes = 2 * 1024 * 1024

const tooLarge = (): never =>
  refuse('too_large', `A body has at most ${maxBodyBytes} bytes. Split the batch.`)

/** The whole body, as long as it is not too large. */
export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) tooLarge()
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}
