import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationResource } from '../queries/projections.ts'
import type { Client } from './client.ts'
import { type Progress, showProgress } from './import/progress.ts'

export type Operation = OperationResource

type Difference = {
  readonly table: string
  readonly key: Readonly<Record<string, unknown>>
  readonly built: Readonly<Record<string, unknown>> | null
  readonly live: Readonly<Record<string, unknown>> | null
}
type Report = {
  readonly compared: boolean
  readonly books: number
  readonly rows: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly differences: readonly Difference[]
}

const everyMs = 500

/** `1 book`, `3 books`. */
export const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`

/** Shows how far an operation is until it ends, then what came of it. Ends with 1 if it failed. */
export const followOperation = async (
  client: Client,
  started: Operation,
  what: string,
): Promise<void> => {
  let progress: Progress | null = null
  let stage = ''
  for (let operation = started; ; ) {
    const { events_done: done, events_total: total } = operation.progress
    if (operation.stage === 'folding' && total !== null && total > 0) {
      if (!progress) {
        progress = showProgress(what, 'events')
        progress.start(total)
      }
      progress.update(Math.min(done, total))
    } else if (operation.stage !== stage) {
      if (stage === 'folding' && progress && total !== null) progress.update(total)
      progress?.stop()
      progress = null
      console.error(`${what}: ${operation.stage.replace('_', ' ')}`)
    }
    stage = operation.stage
    if (operation.state !== 'running' && operation.state !== 'paused') return tellEnd(operation)
    await sleep(everyMs)
    const { data } = await client.get(`/v1/operations/${started.id}`)
    operation = data as Operation
  }
}

const tellEnd = ({ stage, error, report, schema, kind }: Operation): void => {
  const found = report as Report | null
  for (const problem of found?.problems ?? []) console.error(`  ${problem}`)
  for (const difference of found?.differences ?? []) console.log(describe(difference, kind))
  if (found && found.problems.length === 0) {
    const rows = Object.entries(found.rows).map(([table, count]) => `${count} ${table}`)
    const how = found.compared ? 'equal to the live build' : 'all invariants hold'
    console.log(`Verified, ${how}: ${counted(found.books, 'book')}; rows: ${rows.join(', ')}`)
  }
  if (stage === 'live') console.log(`${schema} is live.`)
  if (error !== null) console.error(error)
  const isClean = stage === 'live' || (stage === 'done' && found?.problems.length === 0)
  if (!isClean) process.exitCode = 1
}

/** `account {"id":"..."}: posted is 5, and 7 when folded anew`. */
const describe = ({ table, key, built, live }: Difference, kind: string): string => {
  const row = `${table} ${JSON.stringify(key)}`
  const anew = kind === 'diff' ? 'when folded anew' : 'in the new build'
  if (!live) return `${row}: missing in the live build`
  if (!built) return `${row}: in the live build, and not there ${anew}`
  const columns = Object.keys(built).map((column) => {
    const [is, should] = [live[column], built[column]].map((value) => JSON.stringify(value))
    return `${column} is ${is}, and ${should} ${anew}`
  })
  return `${row}: ${columns.join('; ')}`
}
