import type { LocalServer } from '../../src/local/child.ts'
import { observed } from '../parts/observe.ts'
import type { Stack } from '../parts/stack.ts'
import { ask } from '../parts/task.ts'
import type { Load, Loaded } from './run-load.ts'

export type { Loaded } from './run-load.ts'

type Asking = Omit<Load, 'url' | 'observed'> & {
  /** The process of the clients, if not the usual one: that does one thing at a time. */
  readonly by?: LocalServer
}

/** Has the clients' process ask a server; an unexpected answer is an error. */
export const loadOf = async (
  stack: Stack,
  server: LocalServer,
  { by = stack.servers['load'] as LocalServer, ...load }: Asking,
  profile: string | null = null,
): Promise<Loaded> => {
  const full = { ...load, url: server.url, observed: observed(stack, profile) }
  const loaded = await ask<Load, Loaded>(by, full)
  const others = Object.entries(loaded.others)
  if (others.length > 0) {
    const log = server.child.logTail().find((line) => line.includes('failed')) ?? ''
    throw new Error(`${server.child.name} answered ${others.join(' and ')}\n${log}`)
  }
  return loaded
}
