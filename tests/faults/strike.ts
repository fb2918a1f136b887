import { setTimeout as sleep } from 'node:timers/promises'
import type { Journal } from './journal.ts'
import type { Part } from './part.ts'
import type { Link, LinkState } from './proxy.ts'
import { type Fault, labelOf } from './schedule.ts'
import type { PartName, System } from './system.ts'

export type Striking = {
  readonly fault: Fault
  readonly label: string
  /** From here its recovery is counted. */
  readonly countedFrom: number
  /** Resolves, with the time, when every process that it hit is up again. */
  readonly whole: Promise<number>
}

/** Works a fault; resolves when it is lifted, or struck if it is of the kind that needs a restart. */
export const strike = async (
  system: System,
  journal: Journal,
  round: number,
  fault: Fault,
): Promise<Striking> => {
  const parts = (fault.targets as readonly PartName[]).flatMap((name) => system.parts[name] ?? [])
  // What an earlier round has killed has to be there before it can be hit again.
  await Promise.all(parts.map((part) => part.whenUp()))
  const from = Date.now()
  const worked = { fault, round, from, lifted: from, until: Number.POSITIVE_INFINITY }
  journal.faults.push(worked)
  const countedFrom = await work(system, parts, fault, from)
  worked.lifted = Date.now()
  const whole = Promise.all(parts.map((part) => part.whenUp())).then(() => {
    worked.until = Date.now()
    return worked.until
  })
  return { fault, label: labelOf(fault), countedFrom, whole }
}

const work = async (
  { links, flush }: System,
  parts: readonly Part[],
  fault: Fault,
  from: number,
): Promise<number> => {
  switch (fault.kind) {
    case 'kill':
      await Promise.all(parts.map((part) => part.kill()))
      return from
    case 'restart':
      await Promise.all(parts.map((part) => part.restart()))
      return from
    case 'freeze':
      await Promise.all(parts.map((part) => part.freeze(fault.ms)))
      return Date.now()
    case 'flush':
      await Promise.all(fault.targets.map(flush))
      return Date.now()
    case 'cut':
      return setFor(links, fault.targets, 'cut', fault.ms)
    case 'hole':
      return setFor(links, fault.targets, 'hole', fault.ms)
    case 'delay':
      return setFor(links, fault.targets, { delayMs: fault.delayMs }, fault.ms)
  }
}

const setFor = async (
  links: ReadonlyMap<string, Link>,
  names: readonly string[],
  state: LinkState,
  ms: number,
): Promise<number> => {
  for (const name of names) links.get(name)?.set(state)
  await sleep(ms)
  for (const name of names) links.get(name)?.set('open')
  return Date.now()
}
