import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { connect as connectTo } from 'node:net'
import { join } from 'node:path'
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import type { Disk, DiskFile } from '../../src/event-store/disk/disk.ts'
import { realDisk } from '../../src/event-store/disk/real-disk.ts'
import { serveDisk, serveEventStore } from '../../src/event-store/serve.ts'
import { EMPTY, messageField } from '../../src/protobuf.ts'
import { framed, idsAsStrings, streams } from '../contract/support/raw.ts'
import { leaveOut } from '../support/leave-out.ts'
import { testDirectory } from '../support/test-directory.ts'
import { canMount, startOnSmallDisk, startServer } from './support/server-child.ts'

const clientOf = (port: number) =>
  EventStoreDBClient.connectionString(`esdb://127.0.0.1:${port}?tls=false`)

/** The client says why only of the plain append, which it takes where there are credentials. */
const credentials = { username: 'a', password: 'b' }

const sample = (n: number) => jsonEvent({ type: 'Sampled', data: { n } })

async function count(client: EventStoreDBClient, stream: string): Promise<number> {
  let events = 0
  for await (const _ of client.readStream(stream)) events++
  return events
}

const http2Preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

describe('a served event store', function () {
  this.timeout(60_000)
  let directory: string
  beforeEach(() => {
    directory = testDirectory('event-store')
  })

  it('on SIGTERM answers what it was asked, ends subscriptions, and closes in order', async () => {
    const server = await startServer(directory)
    const { client } = server
    await client.appendToStream('s', sample(0))
    const ended = new Promise<string>((resolve) => {
      const subscription = client.subscribeToStream('s')
      subscription.on('data', () => undefined)
      subscription.on('error', (error) => resolve((error as { type?: string }).type ?? ''))
      subscription.on('end', () => resolve('end'))
    })
    const appends = Array.from({ length: 200 }, (_, i) =>
      client.appendToStream('s', sample(i + 1)).then(
        () => 1,
        () => 0,
      ),
    )
    await appends[0]
    assert.equal(await server.end('SIGTERM'), 0)
    const acknowledged = (await Promise.all<number>(appends)).reduce((sum, one) => sum + one, 0)
    assert.match(await ended, /cancelled|unavailable|end/)
    const again = await startServer(directory)
    assert((await count(again.client, 's')) >= acknowledged + 1)
    assert.deepEqual(
      again.reports.filter((report) => report.startsWith('warn')),
      [],
    )
    await again.end('SIGTERM')
  })

  it('drops its long calls on SIGTERM with CANCEL, so that clients go elsewhere', async () => {
    const server = await startServer(directory)
    const session = connect(`http://127.0.0.1:${server.port}`)
    session.on('error', () => undefined)
    const read = subscribeToAll(session)
    read.resume()
    const batches = post(session, 'BatchAppend')
    batches.resume()
    await once(read, 'response')
    const gone = [read, batches].map((stream) => once(stream, 'close'))
    assert.equal(await server.end('SIGTERM'), 0)
    await Promise.all(gone)
    assert.deepEqual([read.rstCode, batches.rstCode], Array(2).fill(constants.NGHTTP2_CANCEL))
    session.destroy()
  })

  it('closes though a client never does, nor answers what it is told', async () => {
    const server = await serveEventStore({ directory, port: 0 })
    const silent = connectTo({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    silent.on('error', () => undefined)
    silent.write(Buffer.concat([Buffer.from(http2Preface), emptySettings]))
    await once(silent, 'data')
    silent.pause()
    await server.close()
    silent.destroy()
  })

  it('answers a retry after a restart as it did before', async () => {
    const [batch, more] = [[sample(1), sample(2)], [sample(3)]]
    const first = await startServer(directory)
    const options = { expectedRevision: 'no_stream' } as const
    const answer = await first.client.appendToStream('s', batch, options)
    const any = await first.client.appendToStream('s', more)
    await first.end('SIGKILL')
    const second = await startServer(directory)
    assert.deepEqual(await second.client.appendToStream('s', batch, options), answer)
    assert.deepEqual(await second.client.appendToStream('s', more), any)
    assert.equal(await count(second.client, 's'), 3)
    await second.end('SIGTERM')
  })

  it('reads on while the disk is full, acknowledges nothing, and writes when there is space', async () => {
    const { disk, faults } = faultyDisk(directory)
    const server = await serveDisk(disk, { port: 0 }, () => assert.fail('not fatal'))
    const client = clientOf(server.port)
    await client.appendToStream('s', sample(0))
    faults.write = 'ENOSPC'
    for (const options of [{}, { credentials }]) {
      await assert.rejects(client.appendToStream('s', sample(1), options))
    }
    await assert.rejects(client.deleteStream('s'), /UNAVAILABLE.*ENOSPC/)
    assert.equal(await count(client, 's'), 1)
    faults.write = undefined
    await client.appendToStream('s', sample(2), { expectedRevision: 0n })
    assert.equal(await count(client, 's'), 2)
    await client.dispose()
    await server.close()
  })

  it('does so on a real disk, which is full', async function () {
    if (!canMount()) return leaveOut(this, 'a small disk cannot be mounted')
    const server = await startOnSmallDisk(directory, 16, 6)
    const { client, child } = server
    const large = () => binaryEvent({ type: 'Large', data: new Uint8Array(300_000).fill(1) })
    let stored = 0
    const appendUntilFull = async () => {
      for (;;) {
        const expectedRevision = stored === 0 ? 'no_stream' : BigInt(stored - 1)
        await client.appendToStream('s', large(), { expectedRevision, credentials })
        stored++
      }
    }
    await assert.rejects(appendUntilFull(), /ENOSPC/)
    assert(stored > 5, `${stored} were stored`)
    await assert.rejects(appendUntilFull(), /ENOSPC/)
    assert.equal(await count(client, 's'), stored)
    rmSync(join(`/proc/${child.pid}/root`, directory, 'ballast'))
    const before = stored
    await assert.rejects(appendUntilFull(), /ENOSPC/)
    assert(stored > before + 5, `${stored - before} more were stored`)
    assert.equal(await count(client, 's'), stored)
    assert.equal(await server.end('SIGTERM'), 0)
  })

  it('ends after a failed sync, without an answer', async () => {
    const { disk, faults } = faultyDisk(directory)
    const fatal = new Promise<Error>((resolve) => {
      void serveDisk(disk, { port: 0 }, resolve).then(async (server) => {
        const client = clientOf(server.port)
        await client.appendToStream('s', sample(0))
        faults.sync = 'EIO'
        const outcome = client.appendToStream('s', sample(1)).then(
          () => 'acknowledged',
          () => 'failed',
        )
        void outcome.then((what) => assert.notEqual(what, 'acknowledged'))
        await fatal
        await server.close()
      })
    })
    assert.match((await fatal).message, /EIO/)
  })

  it('keeps a bounded window for readers that do not read', async () => {
    const server = await serveEventStore({ directory, port: 0 })
    const client = clientOf(server.port)
    const megabyte = () => binaryEvent({ type: 'Big', data: new Uint8Array(1_000_000) })
    for (let i = 0; i < 40; i++) await client.appendToStream('big', megabyte())
    const before = process.memoryUsage().arrayBuffers
    const session = connect(`http://127.0.0.1:${server.port}`)
    const readers = Array.from({ length: 12 }, () => subscribeToAll(session))
    await Promise.all(readers.map((reader) => new Promise((go) => reader.once('response', go))))
    for (let i = 0; i < 10; i++) await client.appendToStream('big', megabyte())
    const grown = process.memoryUsage().arrayBuffers - before
    assert(grown < 12 * 15_000_000, `${grown} bytes for 12 readers of 50 MB each`)
    const [first] = readers
    let received = 0
    await new Promise<void>((resolve) => {
      first?.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received > 50_000_000) resolve()
      })
    })
    session.destroy()
    await client.dispose()
    await server.close()
  })
})

/** A subscription to `$all` whose client takes nothing until it listens. */
function subscribeToAll(session: ClientHttp2Session): ClientHttp2Stream {
  const all = messageField(2, messageField(2, EMPTY))
  const options = [all, messageField(6, EMPTY), messageField(8, EMPTY), idsAsStrings]
  const stream = post(session, 'Read')
  stream.end(framed(messageField(1, ...options)))
  return stream
}

function post(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': streams(method),
    'content-type': 'application/grpc',
  })
  stream.on('error', () => undefined)
  return stream
}

type SwitchableFaults = { write: string | undefined; sync: string | undefined }

/** A real directory whose disk can be made to fail. */
function faultyDisk(directory: string): { disk: Disk; faults: SwitchableFaults } {
  const faults: SwitchableFaults = { write: undefined, sync: undefined }
  const disk = realDisk(directory)
  const fail = (code: string) => Object.assign(new Error(`${code}: simulated`), { code })
  const wrap = (file: DiskFile): DiskFile => ({
    read: (into, offset) => file.read(into, offset),
    truncate: (length) => file.truncate(length),
    size: () => file.size(),
    close: () => file.close(),
    write: (from, offset) => {
      if (faults.write === undefined) return file.write(from, offset)
      file.write(from.subarray(0, from.length / 2), offset)
      throw fail(faults.write)
    },
    sync: () => (faults.sync === undefined ? file.sync() : Promise.reject(fail(faults.sync))),
  })
  return { disk: { ...disk, open: (name, mode) => wrap(disk.open(name, mode)) }, faults }
}
