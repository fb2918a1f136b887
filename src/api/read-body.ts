import type { IncomingMessage } from 'node:http'
import { Rejected, reject } from '../domain/rejection.ts'

/** A batch of a thousand transactions takes a third of this; its event could not be larger. */
const maxBodyBytes = 2 * 1024 * 1024

const tooLarge = (): Rejected =>
  new Rejected(reject('too_large', `A body has at most ${maxBodyBytes} bytes. Split the batch.`))

/**
 * The whole body, as long as it is not too large. Rejects where the caller goes away before its end.
 * By events: what an iterator sets up and takes down around a stream costs more than a short body.
 */
export const readBody = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, rejectWith) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge()
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes <= maxBodyBytes) return
      request.pause()
      rejectWith(tooLarge())
    })
    request.on('end', () => {
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    })
    request.on('error', rejectWith)
  })
