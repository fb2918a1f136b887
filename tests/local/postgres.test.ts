import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { LocalServer } from '../../src/local/child.ts'
import { startPostgres } from '../../src/local/postgres.ts'
import { SetupProblem } from '../../src/local/setup-problem.ts'
import { testDirectory } from '../support/services.ts'

describe('the local Postgres', () => {
  let outer: string
  let running: LocalServer | undefined

  const start = async () => {
    const place = { directory: join(outer, 'pg'), logFile: join(outer, 'postgres.log') }
    running = await startPostgres({ ...place, durable: false })
    return running
  }

  before(() => {
    outer = testDirectory('postgres')
    chmodSync(outer, 0o700)
  })

  afterEach(async () => {
    await running?.stop()
    running = undefined
  })

  it('is made where nobody else may enter, and anew where that was cut short', async () => {
    mkdirSync(join(outer, 'pg', 'data.new'), { recursive: true, mode: 0o700 })
    writeFileSync(join(outer, 'pg', 'data.new', 'PG_VERSION'), 'half')
    const { url } = await start()
    await query(url, 'create table kept (n int)')
    await query(url, 'insert into kept values (1)')
    assert.equal(existsSync(join(outer, 'pg', 'data.new')), false)
  })

  it('keeps its data from one start to the next, whatever a killed one left behind', async () => {
    const killed = await start()
    const idle = new pg.Client({ connectionString: killed.url })
    idle.on('error', () => undefined)
    await idle.connect()
    killed.child.process.kill('SIGKILL')
    await killed.child.exited
    // By now the number in the stale file belongs to a program that lives: ours.
    const pidFile = join(outer, 'pg', 'data', 'postmaster.pid')
    const lines = readFileSync(pidFile, 'utf8').split('\n')
    writeFileSync(pidFile, [process.pid, ...lines.slice(1)].join('\n'))
    const { url } = await start()
    assert.deepEqual(await query(url, 'select n from kept'), [{ n: 1 }])
  })

  it('lets nobody in without the password', async () => {
    const { url } = await start()
    const stranger = url.replace(/:[0-9a-f]+@/, ':guess@')
    await assert.rejects(query(stranger, 'select 1'), /password authentication failed/)
  })

  it('says what to do about a broken data directory, and leaves it alone', async () => {
    const control = join(outer, 'pg', 'data', 'global', 'pg_control')
    const whole = readFileSync(control)
    rmSync(control)
    await assert.rejects(start, (error: Error) => {
      assert.ok(error instanceof SetupProblem)
      assert.match(error.message, /data directory .*pg\/data cannot be used: [^]*pg_control/)
      assert.match(error.message, /from a backup; or move it away\n {4}mv /)
      return true
    })
    writeFileSync(control, whole)
    const { url } = await start()
    assert.deepEqual(await query(url, 'select n from kept'), [{ n: 1 }])
  })

  it('says which version made a data directory that none here can read', async () => {
    const version = join(outer, 'pg', 'data', 'PG_VERSION')
    const whole = readFileSync(version)
    writeFileSync(version, '9\n')
    await assert.rejects(start, /made by Postgres 9, and only [\d, ]+ is to be had here/)
    writeFileSync(version, whole)
  })
})

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
