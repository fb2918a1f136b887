import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { storeCommand } from '../../src/cli/store.ts'
import { serveEventStore } from '../../src/event-store/serve.ts'
import { testDirectory } from '../support/test-directory.ts'

/** What a command prints, and whether it is content. */
async function run(...args: string[]): Promise<{ printed: string; exitCode: number }> {
  const { log, error } = console
  const before = process.exitCode
  const lines: string[] = []
  console.log = console.error = (line: string) => lines.push(line)
  try {
    process.exitCode = 0
    await storeCommand.parseAsync(args, { from: 'user' })
    return { printed: lines.join('\n'), exitCode: Number(process.exitCode) }
  } finally {
    process.exitCode = before
    Object.assign(console, { log, error })
  }
}

describe('daybook store', () => {
  let directory: string
  before(async () => {
    directory = join(testDirectory('command'), 'store')
    const server = await serveEventStore({ directory, port: 0 })
    await server.close()
  })

  it('stat tells how much there is', async () => {
    const { printed, exitCode } = await run('stat', directory)
    assert.match(printed, /segments +1\n[^]*events +1\nstreams +1\n/)
    assert.equal(exitCode, 0)
  })

  it('backup copies it, and verify is content with the copy', async () => {
    const target = `${directory}-copy`
    assert.match((await run('backup', directory, target)).printed, /^copied 1 segments/)
    const { printed, exitCode } = await run('verify', target)
    assert.match(printed, /2 frames, 1 events[^]*all frames are whole$/)
    assert.equal(exitCode, 0)
  })

  it('verify finds one bit that is wrong', async () => {
    const path = join(directory, '0000000000000000.log')
    const bytes = readFileSync(path)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const { printed, exitCode } = await run('verify', directory)
    assert.match(printed, /problem: 0+\.log is corrupt at offset 32[^]*the store is damaged$/)
    assert.equal(exitCode, 1)
  })

  it('does not make a directory that is not there', async () => {
    await assert.rejects(run('verify', `${directory}-none`), /there is no directory/)
  })
})
