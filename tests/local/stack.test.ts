import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { leaveOut } from '../support/leave-out.ts'
import { testDirectory } from '../support/services.ts'
import {
  descendants,
  endStackProcess,
  eventually,
  isRunning,
  type StackProcess,
  spawnStack,
  startStackProcess,
} from './fixtures/stack-process.ts'

const PARTS = ['store', 'postgres', 'redis-queue', 'redis-cache', 'api', 'worker']

describe('everything on one machine', function () {
  this.timeout(120_000)
  let directory: string
  const running: StackProcess[] = []

  const start = async (...args: Parameters<typeof startStackProcess>) => {
    const stack = await startStackProcess(...args)
    running.push(stack)
    return stack
  }

  before(() => {
    directory = testDirectory('stack')
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((stack) => endStackProcess(stack, 'SIGTERM')))
  })

  it('comes up in an empty folder, with secrets of its own that stay', async () => {
    const { url, environment } = await start(directory)
    assert.equal(await (await fetch(url)).text(), 'api')
    assert.deepEqual(await query(environment), [{ current_database: 'daybook' }])
    const secrets = join(directory, 'secrets.json')
    assert.equal(statSync(secrets).mode & 0o777, 0o600)
    const { DAYBOOK_JWT_SECRET, DAYBOOK_ADMIN_PASSWORD } = JSON.parse(readFileSync(secrets, 'utf8'))
    assert.match(DAYBOOK_JWT_SECRET, /^[0-9a-f]{64}$/)
    assert.equal(environment['DAYBOOK_JWT_SECRET'], DAYBOOK_JWT_SECRET)
    assert.equal(environment['DAYBOOK_ADMIN_PASSWORD'], DAYBOOK_ADMIN_PASSWORD)
  })

  it('starts once a folder: a second start says what runs already', async () => {
    const { url, process: first } = await start(directory)
    const told = `process ${first.pid}; to stop it: kill ${first.pid}`
    await assert.rejects(startStackProcess(directory), {
      name: 'AlreadyRunning',
      message: `Daybook is already running: ${url} (${told})`,
    })
  })

  it('leaves no process behind, asked to stop or killed', async function () {
    if (process.platform !== 'linux') leaveOut(this, 'only Linux tells who descends from whom')
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const stack = await start(directory)
      const below = descendants(stack.process.pid ?? 0)
      assert.ok(below.length >= PARTS.length)
      await endStackProcess(stack, signal)
      await eventually(() => !below.some(({ pid }) => isRunning(pid)))
    }
  })

  it('can be stopped while it is still on its way up', async function () {
    if (process.platform !== 'linux') leaveOut(this, 'only Linux tells who descends from whom')
    const hanging = { FIXTURE_HANGS: 'worker' }
    const { process: parent, started } = spawnStack(testDirectory('stack'), hanging)
    const below = () => descendants(parent.pid ?? 0)
    await eventually(() => below().some(({ command }) => command.endsWith('serve worker')))
    const before = below()
    parent.kill('SIGTERM')
    await assert.rejects(started, { name: 'AbortError' })
    await eventually(() => !before.some(({ pid }) => isRunning(pid)))
  })

  it('ends at its next start what outlived it, where the kernel cannot', async function () {
    if (process.platform !== 'linux') leaveOut(this, 'only Linux tells who descends from whom')
    const PATH = pathWithout('setpriv')
    const killed = await start(directory, { PATH })
    const below = descendants(killed.process.pid ?? 0).map(({ pid }) => pid)
    await endStackProcess(killed, 'SIGKILL')
    assert.ok(below.some(isRunning))
    await start(directory, { PATH })
    assert.deepEqual(below.filter(isRunning), [])
  })

  it('brings back whatever of it is killed, where its clients look for it', async function () {
    if (process.platform !== 'linux') leaveOut(this, 'only Linux tells who descends from whom')
    const { process: parent, environment, url, lines } = await start(directory)
    for (const { pid } of descendants(parent.pid ?? 0)) {
      // Servers only: what they started themselves comes and goes with them.
      if (descendants(parent.pid ?? 0).some((child) => child.pid === pid)) kill(pid)
    }
    const back = (name: string) => new RegExp(`^${name} .*; it is back after [\\d.]+ s$`, 'm')
    await eventually(() => PARTS.every((name) => back(name).test(lines.join('\n'))))
    assert.equal(await (await fetch(url)).text(), 'api')
    assert.deepEqual(await query(environment), [{ current_database: 'daybook' }])
    for (const name of ['REDIS_QUEUE_URL', 'REDIS_CACHE_URL']) {
      const client = new Redis(environment[name] ?? '')
      assert.equal(await client.ping(), 'PONG')
      client.disconnect()
    }
    assert.match(lines.join('\n'), /^worker was killed by SIGKILL; it is back after/m)
  })

  it('uses what the environment names instead of starting it', async () => {
    const named = {
      EVENTSTORE_URL: 'esdb://elsewhere.test:2113',
      DATABASE_URL: 'postgres://elsewhere.test/daybook',
      REDIS_QUEUE_URL: 'redis://elsewhere.test:1',
      REDIS_CACHE_URL: 'redis://elsewhere.test:2',
    }
    const { environment, process: parent } = await start(testDirectory('stack'), named)
    for (const [name, url] of Object.entries(named)) assert.equal(environment[name], url)
    if (process.platform === 'linux') assert.equal(descendants(parent.pid ?? 0).length, 2)
  })

  it('says which port is taken, and how to choose another', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await assert.rejects(startStackProcess(directory, {}, port), {
      name: 'SetupProblem',
      message: new RegExp(`^Port ${port} is taken by .*: PORT=${port + 1} npm start$`),
    })
    other.close()
  })

  it('gives up when a part of it cannot start, and says where to read why', async () => {
    await assert.rejects(startStackProcess(directory, { FIXTURE_FAILS: 'worker' }), (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /^worker could not be started, in 3 attempts: .*exit code 7/)
      assert.ok(error.message.includes(join(directory, 'log', 'worker.log')))
      assert.match(error.message, /the worker has a reason to fail/)
      return true
    })
  })

  it('does not guess at damaged secrets', async () => {
    const damaged = testDirectory('stack')
    writeFileSync(join(damaged, 'secrets.json'), '{"DAYBOOK_JWT_SECRET": ')
    await assert.rejects(startStackProcess(damaged), /secrets.json is damaged/)
  })
})

/** A PATH with all the programs but one. */
function pathWithout(program: string): string {
  const folder = testDirectory('path')
  const folders = (process.env['PATH'] ?? '').split(':').filter((path) => existsSync(path))
  for (const path of folders.reverse()) {
    for (const name of readdirSync(path)) {
      rmSync(join(folder, name), { force: true })
      if (name !== program) symlinkSync(join(path, name), join(folder, name))
    }
  }
  return folder
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It went down with its parent.
  }
}

async function query(environment: Readonly<Record<string, string>>): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: environment['DATABASE_URL'] })
  await client.connect()
  try {
    return (await client.query('select current_database()')).rows
  } finally {
    await client.end()
  }
}
