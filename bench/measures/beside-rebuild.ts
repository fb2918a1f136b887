import type { LocalServer } from '../../src/local/child.ts'
import { loadOf } from '../load/ask-load.ts'
import type { Stack } from '../parts/stack.ts'
import type { Bench, Contender, Measure, Sample } from './measure.ts'

/** Of the load that has nothing beside it. */
const aloneMs = 5_000
const clients = 4
const usual = 150_000
const size = 1_000

type Kind = 'writes' | 'reads'
type During = { readonly ms: number; readonly operation?: string }

/** Writers and readers at full speed at once; the sample is of one kind of them. */
const mixed = async (
  { stack, book }: Bench,
  writers: LocalServer,
  kind: Kind,
  during: During,
): Promise<Sample> => {
  const api = stack.servers['api'] as LocalServer
  const base = { token: stack.token, bookId: book.id, accounts: book.accounts }
  const load = { clients, ...during }
  const [writes, reads] = await Promise.all([
    loadOf(stack, api, { ...load, asked: { kind: 'single', hotShare: 0, ...base }, by: writers }),
    loadOf(stack, api, { ...load, asked: { kind: 'account', ...base } }),
  ])
  const { perSecond, p50, p99, cores, stages } = { writes, reads }[kind]
  return { rate: perSecond, p50, p99, cores, ...(stages && { stages }) }
}

/** The path of the operation. */
const startRebuild = async ({ servers, token }: Stack): Promise<string> => {
  const response = await fetch(`${servers['api']?.url}/v1/projections/ledger/rebuild`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"keep_seconds":0}',
  })
  const { data } = (await response.json()) as { data?: { readonly id: string } }
  if (!data) throw new Error(`the rebuild was answered with ${response.status}`)
  return `/v1/operations/${data.id}`
}

/** From the first stage to the last: the load ends when the new build is live. */
const besideRebuild = (bench: Bench, writers: LocalServer, kind: Kind): Contender => ({
  name: 'Daybook, while the ledger is rebuilt',
  run: async () => {
    const operation = await startRebuild(bench.stack)
    return mixed(bench, writers, kind, { ms: 0, operation })
  },
})

const measureOf = (kind: Kind): Measure => ({
  name: `${kind}-beside-rebuild`,
  title: `${kind}, ${clients} clients, while ${clients} others ${kind === 'writes' ? 'read' : 'write'}`,
  unit: 'requests/s',
  compares: 'p99',
  bar: 2,
  prepare: async (bench) => {
    await bench.batched(Math.ceil((bench.transactions ?? usual) / size), size)
    const script = [new URL('../load.js', import.meta.url).pathname]
    const writers = bench.stack.servers['writers'] ?? (await bench.stack.start('writers', script))
    const alone = () => mixed(bench, writers, kind, { ms: aloneMs })
    return {
      ours: [besideRebuild(bench, writers, kind)],
      yardsticks: [{ name: 'Daybook, nothing else', run: alone }],
    }
  },
})

export const writesBesideRebuild = measureOf('writes')
export const readsBesideRebuild = measureOf('reads')
