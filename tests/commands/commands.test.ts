import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { commands } from '../../src/commands/index.ts'

const folder = new URL('../../src/commands/', import.meta.url)

/** Names of all commands that the files of the folder define. */
const definedCommands = async (): Promise<string[]> => {
  const names: string[] = []
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const exported: Record<string, unknown> = await import(new URL(file, folder).href)
    for (const one of Object.values(exported)) {
      if (typeof one !== 'object' || one === null || !('decide' in one)) continue
      names.push((one as unknown as { name: string }).name)
    }
  }
  return names.sort()
}

describe('the list of commands', () => {
  it('has every command, so that one process can hand it to another', async () => {
    const defined = await definedCommands()
    assert.notEqual(defined.length, 0)
    assert.deepEqual(commands.map(({ name }) => name).sort(), defined)
  })
})
