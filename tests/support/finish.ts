/** Runs something that may be paused without a pause. */
export const finish = <Result>(steps: Generator<undefined, Result>): Result => {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
