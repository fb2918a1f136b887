import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPart } from '../support/daybook.ts'
import { testDirectory } from '../support/test-directory.ts'

const restarts = Number(process.env['EVENT_STORE_RESTARTS'] ?? 2)
const patienceMs = 15_000
const mostBytes = 1024 ** 3

type Told = { readonly answered: number; readonly bytes: number }

/**
 * Calls that were cancelled while the store went away once let Node's HTTP/2 write without an end:
 * the process stood still until the machine's memory was used up.
 */
describe(`a client whose event store goes away ${restarts} times`, function () {
  this.timeout(restarts * (patienceMs + 10_000))

  it('goes on each time, in the memory that it had', async () => {
    const environment = {
      DAYBOOK_STORE_DIRECTORY: testDirectory('restarts'),
      DAYBOOK_STORE_PORT: '0',
    }
    let store = await startPart('store', environment)
    const { port } = store
    const main = fileURLToPath(new URL('../support/busy-client.js', import.meta.url))
    const client = fork(main, [`esdb://127.0.0.1:${port}?tls=false`])
    let told: Told = { answered: 0, bytes: 0 }
    client.on('message', (message: Told) => {
      told = message
    })
    const untilAnswered = async () => {
      const { answered } = told
      const until = Date.now() + patienceMs
      while (told.answered <= answered + 20) {
        assert.ok(Date.now() < until, 'the client stands still')
        assert.ok(told.bytes < mostBytes, `the client has ${told.bytes} bytes`)
        await sleep(50)
      }
    }
    const goAway = [
      () => store.process.kill('SIGTERM'),
      () => store.process.kill('SIGKILL'),
      async () => {
        store.process.kill('SIGSTOP')
        await sleep(3_500)
        store.process.kill('SIGKILL')
      },
    ]
    try {
      await untilAnswered()
      for (let restart = 0; restart < restarts; restart++) {
        const gone = once(store.process, 'exit')
        await goAway[restart % goAway.length]?.()
        await gone
        await sleep((restart % 2) * 600)
        store = await startPart('store', { ...environment, DAYBOOK_STORE_PORT: String(port) })
        await untilAnswered()
      }
    } finally {
      client.kill('SIGKILL')
      await store.kill()
    }
  })
})
