/** For long work: lets whatever else waits have its turn, once every so many ms. */
export const pauseEvery = (ms: number): (() => Promise<void> | null) => {
  let since = performance.now()
  return () =>
    performance.now() - since < ms
      ? null
      : new Promise((resolve) =>
          setImmediate(() => {
            since = performance.now()
            resolve()
          }),
        )
}
