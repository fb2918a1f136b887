/**
 * Resolves when the process is asked to stop: by SIGTERM, SIGINT, or the end of the process that
 * started it. Asked a second time by a signal, the process ends at once.
 */
export const stopSignal = (): Promise<string> =>
  new Promise((resolve) => {
    let isAsked = false
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (isAsked) process.exit(1)
        isAsked = true
        resolve(signal)
      })
    }
    process.once('disconnect', () => {
      isAsked = true
      resolve('disconnect')
    })
  })
