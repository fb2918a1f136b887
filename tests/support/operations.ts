import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { OperationResource } from '../../src/queries/projections.ts'
import type { Rest } from './rest.ts'

export type Report = {
  readonly compared: boolean
  readonly rows: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly differences: readonly {
    readonly table: string
    readonly key: Readonly<Record<string, string>>
    readonly built: Readonly<Record<string, unknown>> | null
    readonly live: Readonly<Record<string, unknown>> | null
  }[]
}

export const startRebuild = async (rest: Rest, body: object = {}): Promise<OperationResource> => {
  const answer = await rest.post<OperationResource>('/v1/projections/ledger/rebuild', body)
  assert.equal(answer.status, 202, answer.text)
  assert.equal(answer.headers.get('location'), `/v1/operations/${answer.data.id}`)
  return answer.data
}

/** Of the build that queries read. */
export const liveSchema = async (db: pg.Client, projection = 'ledger'): Promise<string> => {
  const { rows } = await db.query(
    `select projection || '_v' || version || '_b' || build_id as schema
     from projection.live where projection = $1`,
    [projection],
  )
  return rows[0].schema
}

/** Waits until the operation is at one of these stages, or cannot come there any more. */
export const untilStage = async (
  rest: Rest,
  id: string,
  ...stages: readonly string[]
): Promise<OperationResource> => {
  for (;;) {
    const { data, status, text } = await rest.get<OperationResource>(`/v1/operations/${id}`)
    assert.equal(status, 200, text)
    if (stages.includes(data.stage)) return data
    const isOver = ['done', 'failed', 'cancelled'].includes(data.state)
    assert(!isOver, `the operation is ${data.stage}: ${data.error}`)
    await sleep(50)
  }
}

/** Waits for its end, whatever that is. */
export const untilEnded = (rest: Rest, id: string): Promise<OperationResource> =>
  untilStage(rest, id, 'live', 'done', 'failed', 'cancelled')

export const reportOf = ({ report }: OperationResource): Report => {
  assert(report)
  return report as Report
}
