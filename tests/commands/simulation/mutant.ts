import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { bookWriter } from '../../../src/commands/book-writer.ts'

export type Mutation = readonly [from: string, to: string]

const root = new URL('../../../src/', import.meta.url)
const writer = 'commands/book-writer.js'

let mutants = 0

/** Runs something with a writer in place of ours that rests on a changed module. */
export const withMutant = async <Result>(
  module: string,
  [from, to]: Mutation,
  run: (writer: typeof bookWriter) => Promise<Result>,
): Promise<Result> => {
  const suffix = `.mutant-${process.pid}-${++mutants}.js`
  const modules = compiled()
  const parts = modules.get(module)?.split(from) ?? []
  if (parts.length !== 2) throw new Error(`"${from}" stands ${parts.length - 1} times in ${module}`)
  modules.set(module, parts.join(to))
  const changed = importersOf(module, modules)
  const renamed = (name: string) => name.replace(/\.js$/, suffix)
  for (const name of changed) {
    const text = modules.get(name) ?? ''
    const imports = text.replace(importPattern, (line, path: string) =>
      changed.has(resolve(name, path)) ? line.replace(path, renamed(path)) : line,
    )
    writeFileSync(new URL(renamed(name), root), imports)
  }
  try {
    const { href } = new URL(renamed(writer), root)
    const { bookWriter: mutant } = (await import(href)) as { bookWriter: typeof bookWriter }
    return await run(mutant)
  } finally {
    for (const name of changed) rmSync(new URL(renamed(name), root), { force: true })
  }
}

const importPattern = /from ["'](\.[^"']+)["']/g

const resolve = (from: string, path: string): string =>
  new URL(path, new URL(from, root)).href.slice(root.href.length)

/** The compiled text of what a writer may rest on, by its place below src. */
const compiled = (): Map<string, string> => {
  const modules = new Map<string, string>()
  for (const folder of ['commands', 'domain', 'domain/events', 'domain/snapshot']) {
    for (const name of readdirSync(new URL(folder, root))) {
      if (!name.endsWith('.js') || name.includes('.mutant-')) continue
      const text = readFileSync(new URL(`${folder}/${name}`, root), 'utf8')
      modules.set(`${folder}/${name}`, text.replace(/\/\/# sourceMappingURL.*/, ''))
    }
  }
  return modules
}

/** A module, and all that import it or what imports it. */
const importersOf = (module: string, modules: ReadonlyMap<string, string>): Set<string> => {
  const found = new Set([module])
  for (let size = 0; size < found.size; ) {
    size = found.size
    for (const [name, text] of modules) {
      const imports = [...text.matchAll(importPattern)].map(([, path]) => resolve(name, `${path}`))
      if (imports.some((one) => found.has(one))) found.add(name)
    }
  }
  return found
}
