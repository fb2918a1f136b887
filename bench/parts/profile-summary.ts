import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Node = {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
  }
}
type Profile = {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const shown = 25
/** Idle, or the profiler's own. */
const ignored = new Set(['(idle)', '(program)', 'dispatch'])

/** Where the time of each profile went: functions by their own time, and idle time aside. */
export const summarize = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => summarizeOne(name, JSON.parse(readFileSync(join(folder, name), 'utf8'))))
    .join('\n')

const summarizeOne = (name: string, { nodes, samples, timeDeltas }: Profile): string => {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]))
  const own = new Map<string, number>()
  let total = 0
  for (const [index, id] of samples.entries()) {
    const time = timeDeltas[index] ?? 0
    const place = names.get(id) ?? '?'
    if (ignored.has(place)) continue
    own.set(place, (own.get(place) ?? 0) + time)
    total += time
  }
  const lines = [...own.entries()]
    .sort(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([place, time]) => `  ${((time / total) * 100).toFixed(1).padStart(5)} %  ${place}`)
  return [`${name}: ${Math.round(total / 1000)} ms busy`, ...lines].join('\n')
}

const nameOf = ({ callFrame: { functionName, url, lineNumber } }: Node): string => {
  const name = functionName || '(anonymous)'
  const file = url.replace(/^.*\/(dist|node_modules)\//, '')
  return url === '' ? name : `${name} ${file}:${lineNumber + 1}`
}
