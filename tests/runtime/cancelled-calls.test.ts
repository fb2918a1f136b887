import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Long enough for a slow machine, and not for a client that hangs to use up its memory. */
const patienceMs = 10_000
/** A connection that fails when it is younger is kept. */
const settledMs = 700
const prefaceLength = 24
const headLength = 9
const headers = 1
const cancel = 8

/** RFC 9113, section 4.1. */
const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer => {
  const head = Buffer.alloc(headLength)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const settings = Buffer.concat([frame(4, 0, 0), frame(4, 1, 0)])
const widestWindow = number(2 ** 31 - 1 - 65_535)

/**
 * In one piece: the append may send all it has, which takes longer than what follows to come in. So
 * Node lays the rest aside where the data is, and goes on with the reset when all is sent.
 */
const sendAllAndReset = Buffer.concat([
  frame(8, 0, 0, widestWindow),
  frame(8, 0, 1, widestWindow),
  frame(headers, 4, 1, Buffer.from([0x88])),
  frame(0, 0, 1, Buffer.alloc(1)),
  frame(3, 0, 1, number(cancel)),
])

/** Reads until two calls have begun, and then no more. */
const untilTwoCalls = async (socket: Socket): Promise<void> => {
  let received = Buffer.alloc(0)
  let at = prefaceLength
  for (let calls = 0; calls < 2; ) {
    const [bytes] = await once(socket, 'data')
    received = Buffer.concat([received, bytes])
    while (received.length >= at + headLength) {
      if (received[at + 3] === headers) calls++
      at += headLength + received.readUIntBE(at, 3)
    }
  }
  socket.pause()
}

/**
 * Before Node lets go of a stream that the other side has reset, it lets what waits for it run. If
 * another call is cancelled there, and says so at once, the first is asked for its data without an end.
 */
describe('calls that are cancelled because another was reset', function () {
  this.timeout(6 * patienceMs)

  it('come to an end', async () => {
    let reset = () => {}
    const wasReset = new Promise<void>((resolve) => {
      reset = resolve
    })
    const answer = async (socket: Socket) => {
      socket.write(settings)
      await untilTwoCalls(socket)
      await sleep(settledMs)
      socket.write(sendAllAndReset)
      reset()
      await sleep(settledMs / 2)
      socket.resume()
    }
    const server = createServer((socket) => {
      socket.on('error', () => {})
      void answer(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const main = fileURLToPath(new URL('../support/cancelled-client.js', import.meta.url))
    const client = fork(main, [`esdb://127.0.0.1:${port}?tls=false`])
    try {
      const told = once(client, 'message')
      await wasReset
      const outcomes = await Promise.race([told, sleep(patienceMs, ['the client stands still'])])
      assert.deepEqual(outcomes[0], ['unknown', 'unavailable'])
    } finally {
      client.kill('SIGKILL')
      server.close()
    }
  })
})
