import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type LocalServer, spawnChild } from '../../src/local/child.ts'
import { supervise } from '../../src/local/supervisor.ts'
import { testDirectory } from '../support/services.ts'
import { eventually } from './fixtures/stack-process.ts'

describe('a supervised server', () => {
  let logFile: string
  const lines: string[] = []

  const server = (port: number): LocalServer => {
    const command = [process.execPath, '--eval', 'setInterval(() => undefined, 1000)']
    const child = spawnChild({ name: 'sleeper', command, logFile })
    return { url: '', port, child, stop: () => child.stop(1000) }
  }
  const supervised = (start: (previous: LocalServer | undefined) => LocalServer) => {
    const { signal } = new AbortController()
    const options = { name: 'sleeper', log: (line: string) => lines.push(line), signal }
    return supervise({ ...options, start: async (_, previous) => start(previous) })
  }

  before(() => {
    logFile = join(testDirectory('supervisor'), 'sleeper.log')
  })

  beforeEach(() => lines.splice(0))

  it('is started again where it was, with a line about each attempt', async () => {
    const servers: LocalServer[] = []
    let failures = 2
    const { stop } = await supervised((previous) => {
      if (previous && failures-- > 0) throw new Error('no luck\nat all')
      const next = server(previous?.port ?? 17)
      servers.push(next)
      return next
    })
    servers[0]?.child.process.kill('SIGKILL')
    await eventually(() => lines.length === 3)
    await stop()
    const failed = (pause: string) =>
      'sleeper was killed by SIGKILL, and cannot be started again ' +
      `(next attempt in ${pause} s): no luck`
    assert.deepEqual(lines.slice(0, 2), [failed('0.2'), failed('0.4')])
    assert.match(lines[2] ?? '', /^sleeper was killed by SIGKILL; it is back after [\d.]+ s$/)
    assert.equal(servers[1]?.port, 17)
    assert.equal(servers[1]?.child.hasExited(), true)
  })

  it('is not started again once it was told to stop', async () => {
    let starts = 0
    const { stop } = await supervised(() => {
      starts += 1
      return server(0)
    })
    await stop()
    assert.equal(starts, 1)
    assert.deepEqual(lines, [])
  })

  it('is given up when it does not start at first', async () => {
    let attempts = 0
    const start = () => {
      attempts += 1
      throw new Error('out of order')
    }
    await assert.rejects(supervised(start), {
      name: 'SetupProblem',
      message: /^sleeper could not be started, in 3 attempts: out of order/,
    })
    assert.equal(attempts, 3)
  })
})
