import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { boundLog, logTail, openLog } from '../../src/local/log-file.ts'
import { testDirectory } from '../support/services.ts'

const MEGABYTE = 1024 * 1024

describe('a log file', () => {
  it('is moved aside when it has grown too long, under the hands of who writes to it', () => {
    const file = join(testDirectory('log'), 'some.log')
    const writer = openLog(file)
    truncateSync(file, 17 * MEGABYTE)
    boundLog(file)
    assert.equal(statSync(`${file}.1`).size, 17 * MEGABYTE)
    appendFileSync(writer, 'goes on\n')
    assert.equal(readFileSync(file, 'utf8'), 'goes on\n')
  })

  it('stays as it is while it is short', () => {
    const file = join(testDirectory('log'), 'some.log')
    appendFileSync(openLog(file), 'one\ntwo\nthree\n')
    boundLog(file)
    assert.deepEqual(logTail(file, 4, 2), ['two', 'three'])
  })
})
