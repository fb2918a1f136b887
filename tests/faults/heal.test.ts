import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../src/local/ports.mjs'
import { descendants } from '../local/fixtures/stack-process.ts'
import { testDirectory } from '../support/services.ts'
import { type Client, createClient } from './http.ts'
import { revisionOf } from './journal.ts'

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
const login = { email: 'admin@heal.example', password: 'a password for this test' }
const parts = ['store', 'postgres', 'redis-queue', 'redis-cache', 'api', 'worker']

describe('npm start', function () {
  this.timeout(180_000)
  let all: ChildProcess
  let lines: string[] = []
  let client: Client
  let bookId = ''

  before(async () => {
    const port = await freePort()
    all = spawn(process.execPath, [main, 'serve', 'all', '--no-example'], {
      env: {
        ...process.env,
        PORT: String(port),
        DAYBOOK_DIRECTORY: testDirectory('heal'),
        DAYBOOK_ADMIN_EMAIL: login.email,
        DAYBOOK_ADMIN_PASSWORD: login.password,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [all.stdout, all.stderr]) {
      stream?.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n')))
    }
    client = createClient([port, port], login, () => {})
    await until('it runs', async () => lines.some((line) => line.includes('Daybook is running')))
    const headers = { 'Idempotency-Key': randomUUID() }
    const opened = await client.send(0, {
      method: 'POST',
      path: '/v1/books',
      headers,
      body: { name: 'healed' },
    })
    bookId = JSON.parse(opened.answer?.text ?? '').data.id
  })

  after(async () => {
    client.close()
    all.kill('SIGTERM')
    await once(all, 'exit')
  })

  for (const part of parts) {
    it(`heals when ${part} is killed, and says so in one line`, async () => {
      lines = []
      process.kill(pidOf(part, all.pid as number), 'SIGKILL')
      await until(`${part} is back`, async () => lines.some((line) => line.includes('is back')))
      await until('a write and a read succeed', writesAndReads)
      const said = lines.filter((line) => line !== '')
      assert.equal(said.length, 1, said.join('\n'))
      assert.match(said[0] ?? '', new RegExp(`^${part} was killed by SIGKILL; it is back after`))
    })
  }

  const writesAndReads = async (): Promise<boolean> => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const body = { code: `c:${randomUUID().slice(0, 8)}`, type: 'asset', currency: 'EUR' }
    const path = `/v1/books/${bookId}/accounts`
    const written = await client.send(0, { method: 'POST', path, headers, body })
    if (written.answer?.status !== 201) return false
    const wanted = { 'Daybook-Min-Revision': String(revisionOf(written.answer)) }
    const address = `${path}/${body.code}`
    const read = await client.send(0, { method: 'GET', path: address, headers: wanted })
    return read.answer?.status === 200
  }
})

/** Daybook's own processes are told by their arguments, services by their folder. */
const pidOf = (part: string, parent: number): number => {
  const found = descendants(parent).find(
    ({ pid, command }) => command.endsWith(`serve ${part}`) || folderOf(pid).includes(`/${part}`),
  )
  if (!found) throw new Error(`${part} is not among the children`)
  return found.pid
}

const folderOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    if (await isSo()) return
  }
  throw new Error(`in 60 s it did not come to pass that ${what}`)
}
