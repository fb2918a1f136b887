import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { lockHolder, tryLock, withLock } from '../../src/local/lock.mjs'
import { testDirectory } from '../support/services.ts'

describe('the lock of a folder', () => {
  it('is had by one at a time, and again after its release', async () => {
    const folder = testDirectory('lock')
    const lock = await tryLock('test', folder)
    assert.equal(await tryLock('test', folder), undefined)
    assert.notEqual(await tryLock('other', folder), undefined)
    await lock?.release()
    assert.notEqual(await tryLock('test', folder), undefined)
  })

  it('tells whoever asks what its holder says about itself', async () => {
    const folder = testDirectory('lock')
    assert.equal(await lockHolder('test', folder), undefined)
    const lock = await tryLock('test', folder)
    lock?.tell({ url: 'http://here.test' })
    const holder = { pid: process.pid, url: 'http://here.test' }
    assert.deepEqual(await lockHolder('test', folder), holder)
  })

  it('is free as soon as its holder was killed', async () => {
    const folder = testDirectory('lock')
    const holder = fork(fileURLToPath(new URL('./fixtures/holder.js', import.meta.url)), [folder])
    await once(holder, 'message')
    assert.equal((await lockHolder('test', folder))?.pid, holder.pid)
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    assert.notEqual(await tryLock('test', folder), undefined)
  })

  it('lets those who wait work one after another', async () => {
    const folder = testDirectory('lock')
    let inside = 0
    const turns: number[] = []
    const turn = async () => {
      inside += 1
      await new Promise((resolve) => setImmediate(resolve))
      turns.push(inside)
      inside -= 1
    }
    const all = Array.from({ length: 8 }, () => withLock('test', folder, () => undefined, turn))
    await Promise.all(all)
    assert.deepEqual(turns, Array(8).fill(1))
  })
})
