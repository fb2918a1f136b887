import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { STACK_LOCK } from '../../src/local/already-running.mjs'
import { tryLock } from '../../src/local/lock.mjs'
import { testDirectory } from '../support/services.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const FAILING = 'dist/tests/local/fixtures/failing.js'

describe('npm test', () => {
  it('counts a hook that fails as a failure, on its last line and in its exit code', async () => {
    const { code, lines } = await script('test.mjs', [FAILING])
    assert.equal(lines.at(-1), '1 passed, 2 failed')
    assert.equal(code, 1)
  })

  it('is content when all that ran has passed', async () => {
    const { code, lines } = await script('test.mjs', [FAILING, '--grep', 'that holds'])
    assert.equal(lines.at(-1), '1 passed, 0 failed')
    assert.equal(code, 0)
  })

  it('fails when nothing ran', async () => {
    const { code, lines, errors } = await script('test.mjs', [FAILING, '--grep', 'no such test'])
    assert.equal(lines.at(-1), '0 passed, 0 failed')
    assert.match(errors, /No test ran/)
    assert.equal(code, 1)
  })

  it('fails when the tests cannot even be loaded', async () => {
    const { code, lines } = await script('test.mjs', ['dist/tests/no-such-file.test.js'])
    assert.equal(lines.at(-1), '0 passed, 1 failed')
    assert.equal(code, 1)
  })
})

describe('npm run build', () => {
  it('removes what a source that is gone has left behind', async () => {
    const stale = join(ROOT, 'dist', 'src', 'gone', 'gone.js')
    mkdirSync(dirname(stale), { recursive: true })
    writeFileSync(stale, '')
    writeFileSync(join(ROOT, 'dist', '.daybook-build'), 'of older sources')
    const { code } = await script('build.mjs', [])
    assert.equal(code, 0)
    assert.equal(existsSync(stale), false)
  })
})

describe('npm start', () => {
  it('says what runs already in the same data folder, and does nothing', async () => {
    const folder = testDirectory('start')
    const lock = await tryLock(STACK_LOCK, folder)
    lock?.tell({ url: 'http://127.0.0.1:1234', ready: true })
    const { code, lines } = await script('start.mjs', [], { DAYBOOK_DIRECTORY: folder })
    const stop = `to stop it: kill ${process.pid}`
    const where = `http://127.0.0.1:1234 (process ${process.pid}; ${stop})`
    assert.deepEqual(lines, [`Daybook is already running: ${where}`])
    assert.equal(code, 0)
  })

  it('says how to choose another port, when this one is taken or none', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const address = other.address()
    const port = String(typeof address === 'object' ? address?.port : '')
    const folder = { DAYBOOK_DIRECTORY: testDirectory('start') }
    const taken = await script('start.mjs', [], { ...folder, PORT: port })
    assert.match(taken.errors, /Port \d+ is taken by another program.*PORT=\d+ npm start/)
    assert.equal(taken.code, 1)
    const absurd = await script('start.mjs', [], { ...folder, PORT: '99999' })
    assert.match(absurd.errors, /PORT is "99999"\. It has to be a number up to 65535/)
    other.close()
  })
})

async function script(name: string, args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', name), ...args], {
    env: { ...process.env, ...environment },
  })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  return { code, lines: output.trim().split('\n'), errors }
}
