import { connect } from 'node:net'

export type Response = {
  readonly status: number
  /** Of the header Daybook-Revision, -1 without one. */
  readonly revision: number
  /** In all, head and body. */
  readonly bytes: Buffer
}

export type Connection = {
  /** Sends a whole request, and resolves with the whole response. One at a time. */
  readonly ask: (request: Buffer) => Promise<Response>
  readonly close: () => void
}

/** One keep-alive connection: no more than it takes, so that what is measured is the server. */
export const openConnection = async (url: string): Promise<Connection> => {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let received: Buffer = Buffer.alloc(0)
  let wanted = -1
  let resolve: (response: Response) => void = () => {}
  let reject: (error: Error) => void = () => {}
  await new Promise<void>((opened, failed) => {
    socket.once('connect', opened)
    socket.once('error', failed)
  })
  socket.on('error', (error) => reject(error))
  socket.on('close', () => reject(new Error(`${url} closed the connection`)))
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    if (wanted < 0) wanted = lengthOf(received)
    if (wanted < 0 || received.length < wanted) return
    const bytes = received
    received = Buffer.alloc(0)
    wanted = -1
    const status = Number(bytes.toString('latin1', 9, 12))
    resolve({ status, revision: revisionOf(bytes), bytes })
  })
  return {
    ask: (request) =>
      new Promise((answered, failed) => {
        resolve = answered
        reject = failed
        socket.write(request)
      }),
    close: () => {
      reject = () => {}
      socket.destroy()
    },
  }
}

/** Bytes of head and body together; -1 while the head is not whole. */
const lengthOf = (bytes: Buffer): number => {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return -1
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, end)) ?? []
  if (length === undefined) throw new Error('a response without Content-Length')
  return end + 4 + Number(length)
}

const marker = Buffer.from('Daybook-Revision: ')

const revisionOf = (bytes: Buffer): number => {
  const at = bytes.indexOf(marker)
  return at < 0 ? -1 : Number.parseInt(bytes.toString('latin1', at + marker.length, at + 34), 10)
}

export const toRequest = (
  method: 'GET' | 'POST',
  path: string,
  token: string,
  body?: string,
): Buffer => {
  const head = [`${method} ${path} HTTP/1.1`, 'Host: bench', `Authorization: Bearer ${token}`]
  if (body !== undefined) {
    head.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  }
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`)
}
