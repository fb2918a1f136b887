import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { getPriority } from 'node:os'
import { text } from 'node:stream/consumers'
import { workerConfig } from '../../src/runtime/config.ts'
import { restAfterWaiting } from '../../src/runtime/niceness.ts'
import { freshEnvironment, startPart } from '../support/daybook.ts'

const module = new URL('../../src/runtime/niceness.js', import.meta.url)

/** What a process of its own sees of its session after it was nice. */
const sessionAfter = (niceness: number, detached: boolean): Promise<string> => {
  const script = `
    import { readFileSync } from 'node:fs'
    const { beNice } = await import(${JSON.stringify(module)})
    beNice(${niceness})
    console.log(readFileSync('/proc/self/autogroup', 'utf8'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { detached })
  return text(child.stdout)
}

describe('a worker that lets others go first', function () {
  this.timeout(60_000)

  it('has the priority that it was given', async () => {
    const environment = { ...(await freshEnvironment()), DAYBOOK_WORKER_NICENESS: '7' }
    const { process: worker, kill } = await startPart('worker', environment)
    assert.equal(getPriority(worker.pid), 7)
    await kill()
  })

  it('lowers a session that is its own, and no other', async function () {
    if (!existsSync('/proc/self/autogroup')) this.skip()
    assert.match(await sessionAfter(7, true), /nice 7$/m)
    assert.match(await sessionAfter(7, false), /nice (?!7$)\d+$/m)
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
