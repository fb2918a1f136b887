import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../src/local/child.ts'
import { loadOf } from '../load/ask-load.ts'
import type { Stack } from '../parts/stack.ts'
import type { Bench, Contender, Measure, Sample } from './measure.ts'

const measureMs = 3_000
const clients = 4
/** As many as a rebuild needs longer for than is measured. */
const batches = 150
const size = 1_000

type Kind = 'writes' | 'reads'
type Rebuild = { readonly id: string; readonly state: string; readonly error: string | null }

/** Writers and readers at full speed at once; the sample is of one kind of them. */
const mixed = async ({ stack, book }: Bench, writers: LocalServer, kind: Kind): Promise<Sample> => {
  const api = stack.servers['api'] as LocalServer
  const base = { token: stack.token, bookId: book.id, accounts: book.accounts }
  const load = { clients, ms: measureMs }
  const [writes, reads] = await Promise.all([
    loadOf(stack, api, { ...load, asked: { kind: 'single', hotShare: 0, ...base }, by: writers }),
    loadOf(stack, api, { ...load, asked: { kind: 'account', ...base } }),
  ])
  const { perSecond, p50, p99, cores } = { writes, reads }[kind]
  return { rate: perSecond, p50, p99, cores }
}

const call = async (
  { servers, token }: Stack,
  method: 'GET' | 'POST',
  path: string,
): Promise<Rebuild> => {
  const response = await fetch(`${servers['api']?.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: '{"keep_seconds":0}' }),
  })
  const { data } = (await response.json()) as { data?: Rebuild }
  if (!data) throw new Error(`${path} answered ${response.status}`)
  return data
}

const besideRebuild = (bench: Bench, writers: LocalServer, kind: Kind): Contender => ({
  name: 'Daybook, while the ledger is rebuilt',
  run: async () => {
    const { stack } = bench
    const { id } = await call(stack, 'POST', '/v1/projections/ledger/rebuild')
    const look = () => call(stack, 'GET', `/v1/operations/${id}`)
    const sample = await mixed(bench, writers, kind)
    let { state, error } = await look()
    if (state !== 'running') throw new Error(`the rebuild was over too early: ${error ?? state}`)
    for (; state === 'running'; { state, error } = await look()) await sleep(100)
    if (state !== 'done') throw new Error(`the rebuild ${state}: ${error}`)
    return sample
  },
})

const measureOf = (kind: Kind): Measure => ({
  name: `${kind}-beside-rebuild`,
  title: `${kind}, ${clients} clients, while ${clients} others ${kind === 'writes' ? 'read' : 'write'}`,
  unit: 'requests/s',
  compares: 'p99',
  bar: 2,
  prepare: async (bench) => {
    await bench.batched(batches, size)
    const script = [new URL('../load.js', import.meta.url).pathname]
    const writers = bench.stack.servers['writers'] ?? (await bench.stack.start('writers', script))
    const alone = () => mixed(bench, writers, kind)
    return {
      ours: [besideRebuild(bench, writers, kind)],
      yardsticks: [{ name: 'Daybook, nothing else', run: alone }],
    }
  },
})

export const writesBesideRebuild = measureOf('writes')
export const readsBesideRebuild = measureOf('reads')
