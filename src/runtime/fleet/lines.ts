import type { Socket } from 'node:net'

/** Longer than any event and what comes with it. */
const maxLine = 8 * 1024 * 1024
const newline = 0x0a

/** Calls `onLine` for each line of JSON, parsed; one that is too long or broken ends the connection. */
export const readLines = (socket: Socket, onLine: (value: unknown) => void): void => {
  let parts: Buffer[] = []
  let length = 0
  const take = (end: Buffer): void => {
    const line = parts.length === 0 ? end : Buffer.concat([...parts, end])
    parts = []
    length = 0
    onLine(JSON.parse(line.toString()))
  }
  socket.on('data', (chunk: Buffer) => {
    let from = 0
    try {
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        take(chunk.subarray(from, at))
        from = at + 1
      }
    } catch (error) {
      socket.destroy(error as Error)
      return
    }
    if (from === chunk.length) return
    parts.push(from === 0 ? chunk : chunk.subarray(from))
    length += chunk.length - from
    if (length > maxLine) socket.destroy(new Error(`a line of more than ${maxLine} bytes`))
  })
}

/** Writes values as lines of JSON; those of one turn of the event loop go out together. */
export const lineWriter = (socket: Socket): ((value: object) => void) => {
  let isCorked = false
  return (value) => {
    if (!socket.writable) return
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(() => {
        isCorked = false
        socket.uncork()
      })
    }
    socket.write(`${JSON.stringify(value)}\n`)
  }
}
