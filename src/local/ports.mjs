// @ts-check
// Plain JavaScript, because scripts/ needs it before anything is installed or compiled.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below those that systems give to connections that go out (from 32,768 on Linux, from 49,152 elsewhere):
 * what is given to one of them while its server is down cannot be listened on again.
 */
const LOWEST = 10_240
const HIGHEST = 32_767

/**
 * A port of the loopback interface that nobody listens on at the moment, and that no connection is given.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST + 1)
    try {
      return await listenOnce(port, '127.0.0.1')
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
    }
  }
}

/**
 * Why a server could not listen there, with the way out; undefined when it could.
 * @param {number} port 0 for any
 * @param {string} host
 * @returns {Promise<string | undefined>}
 */
export async function portProblem(port, host) {
  try {
    await listenOnce(port, host)
    return undefined
  } catch (error) {
    const code = codeOf(error)
    const next = port < 1024 ? 3000 : port + 1
    if (code === 'EADDRINUSE') {
      return `Port ${port} is taken by another program. Choose another: PORT=${next} npm start`
    }
    if (code === 'EACCES') {
      return `Port ${port} is only for root. Choose another: PORT=${next} npm start`
    }
    return (
      `Daybook cannot listen on ${host}, port ${port} (${code}). ` +
      'HOST has to be an address of this machine: HOST=127.0.0.1 npm start'
    )
  }
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

/**
 * @param {number} port
 * @param {string} host
 * @returns {Promise<number>} the port it was given
 */
function listenOnce(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address()
      const given = typeof address === 'object' && address ? address.port : port
      server.close(() => resolve(given))
    })
  })
}
