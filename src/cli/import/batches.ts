import type { Step, StepOf } from './journal.ts'

/** Steps of one kind that follow each other, in their order. */
export type Batch = {
  [Kind in Step['kind']]: { readonly kind: Kind; readonly steps: readonly StepOf<Kind>[] }
}[Step['kind']]

const batchSize = 1_000
/** Of JSON; an event has at most 768 KiB. */
const batchBytes = 400 * 1024

/** As few batches as the API allows. */
export async function* batches(steps: AsyncIterable<Step>): AsyncGenerator<Batch> {
  let batch: Step[] = []
  let bytes = 0
  for await (const step of steps) {
    const size = Buffer.byteLength(JSON.stringify(step))
    const isFull = batch.length >= batchSize || bytes + size > batchBytes
    const [first] = batch
    if (first && (isFull || first.kind !== step.kind)) {
      yield { kind: first.kind, steps: batch } as Batch
      batch = []
      bytes = 0
    }
    batch.push(step)
    bytes += size
  }
  const [first] = batch
  if (first) yield { kind: first.kind, steps: batch } as Batch
}
