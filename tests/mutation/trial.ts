import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Asked, Ready, Told } from './worker.ts'

export type Case = {
  readonly place: number
  readonly title: string
  /** What it takes of a processor without any mutant. */
  readonly ms: number
  /** Mutants that it reaches. */
  readonly reached: readonly number[]
}

/** Cases are run in it, in a process of its own, which is another one after each that ended it. */
export type Trial = {
  readonly titles: readonly string[]
  readonly atLoad: readonly number[]
  /** Runs a case without a mutant. */
  readonly measure: (place: number) => Promise<Told | 'no answer'>
  /** Whether the case notices the mutant: it fails, never ends, or ends the process. */
  readonly isNoticed: (mutant: number, one: Case) => Promise<boolean>
  /** Goes on in a new process, in which nothing is remembered. */
  readonly renew: () => Promise<void>
  readonly close: () => void
}

/** A mutant that takes up memory without end must not take it from everybody else. */
const heapMegabytes = 1024
const longestMs = 60_000
/** One that has done nothing for so long waits for what never comes. */
const idleMs = 5_000
const pollMs = 250

/**
 * Time is that of the processor, so that a busy machine makes no difference.
 * @param script of the worker
 * @param files of the tests, compiled
 */
export const startTrial = async (
  script: string,
  files: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Trial> => {
  const begin = () => startWorker(script, files, environment)
  let worker = await begin()
  const { titles, atLoad } = worker.ready

  const restart = async (): Promise<void> => {
    worker.child.kill('SIGKILL')
    worker = await begin()
    // Cases are known by their places: a table that is edited meanwhile would make others of them.
    assert.deepEqual(worker.ready.titles, titles, 'the tests have changed')
  }

  const run = async (place: number, mutant: number | null, patienceMs: number) => {
    // What an earlier mutant left behind may have ended it since.
    if (worker.child.exitCode !== null || worker.child.signalCode !== null) await restart()
    const told = await ask(worker.child, { place, mutant }, patienceMs)
    if (told === 'no answer') await restart()
    return told
  }

  return {
    titles,
    atLoad,
    measure: (place) => run(place, null, longestMs),
    isNoticed: async (mutant, { place, ms }) => {
      const patienceMs = 2_000 + 10 * ms
      const hasPassed = async (one: number | null): Promise<boolean> => {
        const told = await run(place, one, patienceMs)
        return told !== 'no answer' && told.hasPassed
      }
      const told = await run(place, mutant, patienceMs)
      if (told === 'no answer') return true
      if (told.hasPassed) return false
      if (await hasPassed(null)) return true
      // Mutants may leave something behind, a cache say, that fails the tests of others.
      await restart()
      const isNoticed = (await hasPassed(null)) && !(await hasPassed(mutant))
      await restart()
      return isNoticed
    },
    renew: restart,
    close: () => worker.child.kill('SIGKILL'),
  }
}

const startWorker = async (
  script: string,
  files: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly child: ChildProcess; readonly ready: Ready }> => {
  const child = fork(script, files, {
    env: environment,
    execArgv: [`--max-old-space-size=${heapMegabytes}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const ready = await answerOf<Ready>(child, longestMs)
  if (ready === 'no answer') throw new Error('the tests cannot be loaded')
  return { child, ready }
}

const ask = (
  child: ChildProcess,
  asked: Asked,
  patienceMs: number,
): Promise<Told | 'no answer'> => {
  const told = answerOf<Told>(child, patienceMs)
  // One that is gone meanwhile gives no answer.
  child.send(asked, () => {})
  return told
}

const answerOf = async <Answer>(
  child: ChildProcess,
  patienceMs: number,
): Promise<Answer | 'no answer'> => {
  const over = new AbortController()
  const { signal } = over
  const all = [
    once(child, 'message', { signal }).then(([answer]) => answer as Answer),
    once(child, 'exit', { signal }).then(() => 'no answer' as const),
    untilItIsOver(child.pid as number, patienceMs, signal),
  ]
  try {
    return await Promise.race(all)
  } finally {
    over.abort()
    // Those that came too late are told of the abort, and nobody else is.
    await Promise.allSettled(all)
  }
}

/** Resolves when the process has had so much of a processor, or does nothing any more. */
const untilItIsOver = async (
  pid: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<'no answer'> => {
  const begin = stateOf(pid).ms
  let last = begin
  let idle = 0
  while (last - begin < patienceMs && idle < idleMs) {
    await sleep(pollMs, undefined, { signal })
    const { ms, isReady } = stateOf(pid)
    idle = ms === last && !isReady ? idle + pollMs : 0
    last = ms
  }
  return 'no answer'
}

/** Whether it runs or would, and its user and system time: fields 3, 14 and 15 of proc(5). */
const stateOf = (pid: number): { readonly isReady: boolean; readonly ms: number } => {
  try {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const [state, ...rest] = fields.split(' ')
    // In hundredths of a second.
    return { isReady: state === 'R', ms: (Number(rest[10]) + Number(rest[11])) * 10 }
  } catch {
    // It has just ended.
    return { isReady: false, ms: Number.POSITIVE_INFINITY }
  }
}
