import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalServer } from '../../src/local/child.ts'

/** One process of Daybook that is started again whenever it dies, and that can be made to die. */
export type Part = {
  readonly name: string
  /** Resolves when it is up; a start that fails is tried again. */
  readonly whenUp: () => Promise<LocalServer>
  /** SIGKILL. */
  readonly kill: () => Promise<void>
  /** SIGTERM, or what the program takes for it; resolves when it is gone. */
  readonly restart: () => Promise<void>
  /** SIGSTOP, it and its children, for as long. */
  readonly freeze: (ms: number) => Promise<void>
  /** The same until the work is done. */
  readonly freezeDuring: (work: () => Promise<void>) => Promise<void>
  /** Stopped for good. */
  readonly close: () => Promise<void>
  readonly starts: () => number
  /** Starts that failed, with the reason. */
  readonly failures: readonly string[]
  /** Ends that nobody asked for, with what the program said last. */
  readonly deaths: readonly string[]
}

type Start = (previous: LocalServer | undefined) => Promise<LocalServer>

const pauseMs = 100
const longestPauseMs = 1_000

export const keepUp = (name: string, start: Start): Part => {
  let isClosing = false
  let starts = 0
  let previous: LocalServer | undefined
  const failures: string[] = []
  const deaths: string[] = []
  let expected: LocalServer | undefined

  const startUntilUp = async (): Promise<LocalServer> => {
    for (let pause = pauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      try {
        const server = await start(previous)
        previous = server
        starts++
        void server.child.exited.then(async (how) => {
          if (isClosing) return
          if (server !== expected) deaths.push(`${name} ${how}: ${lastWords(server)}`)
          await sleep(pauseMs)
          if (!isClosing) up = startUntilUp()
        })
        return server
      } catch (error) {
        failures.push((error as Error).message.slice(0, 2_000))
        if (isClosing || (starts === 0 && failures.length > 3)) throw error
        await sleep(pause)
      }
    }
  }

  let up = startUntilUp()
  const signalAndWait = async (signal: 'kill' | 'restart') => {
    const server = await up
    expected = server
    if (signal === 'restart') return server.stop()
    server.child.process.kill('SIGKILL')
    await server.child.exited
  }

  const freezeDuring: Part['freezeDuring'] = async (work) => {
    const { child } = await up
    const pids = familyOf(child.pid)
    for (const pid of pids) signal(pid, 'SIGSTOP')
    try {
      await work()
    } finally {
      for (const pid of pids.toReversed()) signal(pid, 'SIGCONT')
    }
  }

  return {
    name,
    whenUp: async () => {
      for (;;) {
        const server = await up
        if (!server.child.hasExited()) return server
        await sleep(10)
      }
    },
    kill: () => signalAndWait('kill'),
    restart: () => signalAndWait('restart'),
    freeze: (ms) => freezeDuring(() => sleep(ms)),
    freezeDuring,
    close: async () => {
      isClosing = true
      await (await up.catch(() => previous))?.stop()
    },
    starts: () => starts,
    failures,
    deaths,
  }
}

/** The program's log without the lines of its requests. */
const lastWords = ({ child }: LocalServer): string =>
  child
    .logTail()
    .filter((line) => !line.startsWith('{'))
    .join(' | ')
    .slice(0, 600)

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // It ended in the meantime.
  }
}

/** A process and all below it. Postgres has one a connection. */
const familyOf = (root: number): number[] => {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // It ended in the meantime.
    }
  }
  const family = [root]
  for (const pid of family) family.push(...(children.get(pid) ?? []))
  return family
}
