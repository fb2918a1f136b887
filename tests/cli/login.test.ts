import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { STACK_LOCK } from '../../src/local/already-running.mjs'
import { tryLock } from '../../src/local/lock.mjs'
import { daybook, startCommand } from '../support/daybook.ts'
import { testDirectory } from '../support/services.ts'

describe('daybook, from the command line', () => {
  it('finds the Daybook of the local folder at whatever port it listens', async () => {
    const { rest, environment } = await daybook()
    const folder = testDirectory('login')
    writeFileSync(join(folder, 'secrets.json'), JSON.stringify(environment))
    const lock = await tryLock(STACK_LOCK, folder)
    lock?.tell({ url: rest.url })
    const local = { DAYBOOK_DIRECTORY: folder, XDG_CONFIG_HOME: folder }
    const login = await startCommand(['login'], local).ended
    assert.equal(login.code, 0, login.stderr)
    assert(login.stdout.includes(`Logged in to ${rest.url} as admin@example.com`))
    const list = await startCommand(['projections', 'list'], local).ended
    assert.equal(list.code, 0, list.stderr)
    await lock?.release()
  })

  it('says what it waits for', async () => {
    const away = { DAYBOOK_URL: 'http://127.0.0.1:1', DAYBOOK_TOKEN: 'any' }
    const { process, ended } = startCommand(['projections', 'list'], away)
    await once(process.stderr as NodeJS.ReadableStream, 'data')
    process.kill()
    const { stderr } = await ended
    assert.match(
      stderr,
      /^Trying for two minutes: http:\/\/127\.0\.0\.1:1 cannot be reached .*npm start$/m,
    )
  })
})
