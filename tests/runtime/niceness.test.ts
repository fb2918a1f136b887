import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { getPriority } from 'node:os'
import { text } from 'node:stream/consumers'
import { workerConfig } from '../../src/runtime/config.ts'
import { restAfterWaiting } from '../../src/runtime/niceness.ts'
import { freshEnvironment, startPart } from '../support/daybook.ts'
import { leaveOut } from '../support/leave-out.ts'

const module = new URL('../../src/runtime/niceness.js', import.meta.url)

type Session = { readonly before: string; readonly after: string; readonly refused?: string }

/**
 * What Linux says of the session of a process before and after it was nice: a line, nothing where it
 * belongs to none, and why it was refused where the system does not allow it.
 */
const sessionOf = async (niceness: number, detached: boolean): Promise<Session> => {
  const script = `
    import { readFileSync } from 'node:fs'
    const { beNice } = await import(${JSON.stringify(module)})
    const session = () => readFileSync('/proc/self/autogroup', 'utf8').trim()
    const before = session()
    let refused
    try {
      beNice(${niceness})
    } catch (error) {
      refused = error.message
    }
    console.log(JSON.stringify({ before, after: session(), refused }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { detached })
  return JSON.parse(await text(child.stdout))
}

const ungrouped = 'this system groups no processes by session'

describe('a worker that lets others go first', function () {
  this.timeout(60_000)

  it('has the priority that it was given', async () => {
    const environment = { ...(await freshEnvironment()), DAYBOOK_WORKER_NICENESS: '7' }
    const { process: worker, kill } = await startPart('worker', environment)
    assert.equal(getPriority(worker.pid), 7)
    await kill()
  })

  it('lowers a session that is its own', async function () {
    if (!existsSync('/proc/self/autogroup')) leaveOut(this, ungrouped)
    const { before, after, refused } = await sessionOf(7, true)
    if (before === '' || refused) {
      leaveOut(this, refused ?? ungrouped)
    }
    assert.match(after, /nice 7$/)
  })

  it('leaves a session alone that it shares', async function () {
    if (!existsSync('/proc/self/autogroup')) leaveOut(this, ungrouped)
    const { before, after, refused } = await sessionOf(7, false)
    assert.deepEqual({ after, refused }, { after: before, refused: undefined })
  })

  it('rests after it had to wait for a CPU, and not otherwise', async () => {
    const waits = [100, 100, 300]
    const stopping = new AbortController()
    const rest = restAfterWaiting(5, stopping.signal, () => waits.shift() ?? 300)
    const isResting = async () => {
      const resting = rest()
      const turn = new Promise<string>((resolve) => setImmediate(resolve, 'still'))
      return (await Promise.race([resting, turn])) === 'still'
    }
    assert.equal(await isResting(), false)
    assert.equal(await isResting(), true)
    assert.equal(await isResting(), false)
    stopping.abort()
    waits.push(9_000)
    await rest()
  })

  it('refuses a priority that is none, and says what there is', async () => {
    const environment = await freshEnvironment()
    for (const wrong of ['-1', '20', 'low']) {
      assert.throws(() => workerConfig({ ...environment, DAYBOOK_WORKER_NICENESS: wrong }), {
        name: 'ConfigError',
        message: `DAYBOOK_WORKER_NICENESS is "${wrong}"; use a number from 0, the usual, to 19`,
      })
    }
  })
})
