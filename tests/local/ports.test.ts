import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { freePort } from '../../src/local/ports.mjs'

const listen = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

describe('a free port', () => {
  it('can be listened on', async () => {
    const server = await listen(await freePort())
    server.close()
  })

  it('is none that systems give to connections, for one could have it while its server is down', async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, freePort))
    assert.deepEqual(
      ports.filter((port) => port < 1_024 || port >= 32_768),
      [],
    )
  })
})
