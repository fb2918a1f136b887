import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { testDirectory } from '../../support/test-directory.ts'

/**
 * A bug planted on purpose: one place of the compiled event store, changed in a copy of it. So the
 * program itself has no switches. `find` must be there exactly once, or the mutation is out of date.
 */
export type Mutation = { name: string; file: string; find: string; replace: string }

const compiled = fileURLToPath(new URL('../../../src', import.meta.url))
/** The event store, and the one file that it shares with the rest. */
const copied = ['event-store', 'protobuf.js']
const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url))

/** Gives `use` the means to load modules of the mutant, and takes it away again. */
export async function withMutant<Result>(
  { name, file, find, replace }: Mutation,
  use: (load: (module: string) => Promise<unknown>) => Promise<Result>,
): Promise<Result> {
  const directory = testDirectory('mutant')
  try {
    for (const part of copied) {
      await cp(join(compiled, part), join(directory, part), { recursive: true })
    }
    await writeFile(join(directory, 'package.json'), '{"type":"module"}')
    await symlink(modules, join(directory, 'node_modules'))
    const store = join(directory, 'event-store')
    const path = join(store, file.replace(/\.ts$/, '.js'))
    const source = await readFile(path, 'utf8')
    const parts = source.split(find)
    if (parts.length !== 2) {
      throw new Error(`mutation "${name}": ${file} has ${parts.length - 1} times: ${find}`)
    }
    await writeFile(path, parts.join(replace))
    return await use((module) => import(pathToFileURL(join(store, module)).href))
  } finally {
    await rm(directory, { recursive: true })
  }
}
