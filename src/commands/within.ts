import type { WriterOptions } from './book-writer.ts'

/** What the work comes to; rejects if it takes longer than that, whatever becomes of it. */
export const within = <Result>(
  ms: number,
  work: Promise<Result>,
  after: WriterOptions['after'],
): Promise<Result> =>
  new Promise((resolve, reject) => {
    const callOff = after(ms, () => reject(new Error(`no answer within ${ms} ms`)))
    void work.then(resolve, reject).finally(callOff)
  })
