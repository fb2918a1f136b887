// @ts-check
// Plain JavaScript, because scripts/ needs it before anything is installed or compiled.

import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * What the holder of a lock says about itself to whoever asks.
 * @typedef {{ pid: number, url?: string, ready?: boolean }} Holder
 */

/**
 * @typedef {object} Lock
 * @property {(about: Partial<Holder>) => void} tell changes what askers are told
 * @property {() => Promise<void>} release
 */

/**
 * Takes the lock of a folder, or answers undefined when another process has it. The lock is a
 * listening local socket: the kernel frees it however the process ends, so none is ever stale.
 * @param {string} purpose
 * @param {string} directory
 * @returns {Promise<Lock | undefined>}
 */
export async function tryLock(purpose, directory) {
  const path = socketPath(purpose, directory)
  if (!path.startsWith('\0') && !(await connected(path))) rmSync(path, { force: true })
  /** @type {Holder} */
  let holder = { pid: process.pid }
  /** @type {Set<import('node:net').Socket>} */
  const askers = new Set()
  const server = createServer((asker) => {
    askers.add(asker.unref())
    asker.on('error', () => asker.destroy())
    asker.on('close', () => askers.delete(asker))
    asker.write(`${JSON.stringify(holder)}\n`)
  })
  const listening = await new Promise((resolve, reject) => {
    server.once('listening', () => resolve(true))
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    server.listen({ path })
  })
  if (!listening) return undefined
  server.unref()
  return {
    tell: (about) => {
      holder = { ...holder, ...about }
    },
    release: async () => {
      await new Promise((resolve) => {
        server.close(resolve)
        for (const asker of askers) asker.destroy()
      })
    },
  }
}

/**
 * Asks who holds the lock of a folder; undefined when nobody does.
 * @param {string} purpose
 * @param {string} directory
 * @returns {Promise<Holder | undefined>}
 */
export async function lockHolder(purpose, directory) {
  const socket = await connected(socketPath(purpose, directory))
  if (!socket) return undefined
  try {
    return await firstLine(socket)
  } finally {
    socket.destroy()
  }
}

/**
 * Runs the work while holding the lock, after waiting for whoever has it.
 * @template T
 * @param {string} purpose
 * @param {string} directory
 * @param {(holder: Holder) => void} onWait called once when there is someone to wait for
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(purpose, directory, onWait, work) {
  let waited = false
  for (;;) {
    const lock = await tryLock(purpose, directory)
    if (lock) {
      try {
        return await work()
      } finally {
        await lock.release()
      }
    }
    const socket = await connected(socketPath(purpose, directory))
    if (!socket) continue
    const holder = await firstLine(socket)
    if (holder && !waited) onWait(holder)
    waited = true
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  }
}

/**
 * Linux has socket names outside the file system, which nothing has to clean up.
 * @param {string} purpose
 * @param {string} directory
 */
function socketPath(purpose, directory) {
  const digest = createHash('sha256').update(realPath(directory)).digest('hex').slice(0, 24)
  const name = `daybook-${purpose}-${digest}`
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`)
}

/** @param {string} directory */
function realPath(directory) {
  try {
    return realpathSync(directory)
  } catch {
    return resolve(directory)
  }
}

/**
 * @param {string} path
 * @returns {Promise<import('node:net').Socket | undefined>}
 */
function connected(path) {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}

/**
 * @param {import('node:net').Socket} socket
 * @returns {Promise<Holder | undefined>} undefined when the holder ended or did not answer
 */
function firstLine(socket) {
  return new Promise((resolve) => {
    let text = ''
    const timer = setTimeout(() => resolve(undefined), 2000)
    socket.setEncoding('utf8')
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk
      if (!text.includes('\n')) return
      clearTimeout(timer)
      resolve(JSON.parse(text))
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
  })
}
