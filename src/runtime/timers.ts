/** Runs something once, in so many ms. What it returns calls it off. */
export const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Runs something every so many ms, which keeps no process alive. What it returns ends that. */
export const every = (ms: number, run: () => void): (() => void) => {
  const timer = setInterval(run, ms).unref()
  return () => clearInterval(timer)
}
