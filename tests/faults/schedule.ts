import { type Random, seeded } from './random.ts'
import type { PartName } from './system.ts'

export type Fault =
  | { readonly kind: 'kill'; readonly targets: readonly PartName[] }
  | { readonly kind: 'restart'; readonly targets: readonly PartName[] }
  | { readonly kind: 'freeze'; readonly targets: readonly PartName[]; readonly ms: number }
  | { readonly kind: 'flush'; readonly targets: readonly ('queue' | 'cache')[] }
  | { readonly kind: 'cut' | 'hole'; readonly targets: readonly string[]; readonly ms: number }
  | {
      readonly kind: 'delay'
      readonly targets: readonly string[]
      readonly ms: number
      readonly delayMs: number
    }

/** Faults that begin together; after them everything is whole again. */
export type Round = {
  /** Quiet before it. */
  readonly pauseMs: number
  readonly faults: readonly Fault[]
  /** Whether the next round waits until Daybook serves again, or comes in the midst of it. */
  readonly waits: boolean
}

const services = ['store', 'postgres', 'queue', 'cache'] as const

/** What can be hit where there are so many APIs. */
const targetsOf = (apiCount: number) => {
  const apis = Array.from({ length: apiCount }, (_, at): PartName => `api-${at + 1}`)
  const programs: readonly PartName[] = [...apis, 'worker-1', 'worker-2']
  const parts: readonly PartName[] = [...programs, ...services]
  const links = [
    ...apis.map((api) => `client -> ${api}`),
    ...programs.flatMap((program) => services.map((service) => `${program} -> ${service}`)),
    ...apis.map((api) => `peers -> ${api}`),
  ]
  return { parts, links }
}
type Targets = ReturnType<typeof targetsOf>

/** What a fault's recovery time is counted under: its kind, and of what sort its target is. */
export const labelOf = ({ kind, targets }: Fault): string => {
  const [first = '', ...others] = targets
  const sort = first.replaceAll(/-\d/g, '')
  if (others.length === 0) return `${kind} ${sort}`
  return first.includes('->')
    ? `${kind} all${sort.slice(sort.indexOf(' ->'))}`
    : `${kind} both ${sort}s`
}

export type ScheduleOptions = {
  readonly seed: number
  readonly apis: number
  /** No fault lasts longer. */
  readonly longestMs: number
  /** Quiet before a round, at most; 1,200 if not given. */
  readonly calmMs?: number
  /** Only these, one at a time, every kind before one comes again, where given. */
  readonly focus?: readonly Fault[]
}

/** The same seed, the same rounds, without an end. */
export function* schedule({
  seed,
  apis,
  longestMs,
  calmMs = 1_200,
  focus,
}: ScheduleOptions): Generator<Round> {
  const random = seeded(seed)
  const targets = targetsOf(apis)
  if (focus) {
    for (const fault of deal(random, focus)) {
      yield { pauseMs: random.int(300, 1_500), faults: [fault], waits: random.chance(0.5) }
    }
  }
  for (;;) {
    const count = Number(random.weighted({ 1: 70, 2: 20, 3: 10 }))
    const faults: Fault[] = []
    const taken = new Set<string>()
    while (faults.length < count) {
      const fault = pickFault(random, targets, longestMs)
      if (fault.targets.some((target) => taken.has(target))) continue
      for (const target of fault.targets) taken.add(target)
      faults.push(fault)
    }
    yield { pauseMs: random.int(100, calmMs), faults, waits: random.chance(0.8) }
  }
}

/** Without an end: every kind before one comes again, and all of a kind before one of them does. */
function* deal(random: Random, faults: readonly Fault[]): Generator<Fault> {
  const kinds = kindsOf(faults)
  const decks = new Map<Fault['kind'], Fault[]>()
  for (;;) {
    for (const kind of random.shuffled(kinds)) {
      const left = decks.get(kind) ?? []
      const deck =
        left.length > 0 ? left : random.shuffled(faults.filter((fault) => fault.kind === kind))
      decks.set(kind, deck)
      yield deck.pop() as Fault
    }
  }
}

export const kindsOf = (faults: readonly Fault[]): Fault['kind'][] => [
  ...new Set(faults.map(({ kind }) => kind)),
]

const pickFault = (random: Random, { parts, links }: Targets, longestMs: number): Fault => {
  const kind = random.weighted({
    kill: 30,
    freeze: 16,
    restart: 10,
    flush: 8,
    cut: 14,
    hole: 11,
    delay: 11,
  })
  switch (kind) {
    case 'kill':
    case 'restart':
      return { kind, targets: pickParts(random, parts) }
    case 'freeze':
      return { kind, targets: pickParts(random, parts), ms: lasting(random, longestMs) }
    case 'flush':
      return { kind, targets: [random.pick(['queue', 'cache'])] }
    case 'cut':
    case 'hole':
      return { kind, targets: pickLinks(random, links), ms: lasting(random, longestMs) }
    case 'delay': {
      const ms = lasting(random, longestMs)
      return { kind, targets: pickLinks(random, links), ms, delayMs: random.int(20, 1_500) }
    }
  }
}

const lasting = (random: Random, longestMs: number): number =>
  Math.round(random.logUniform(200, longestMs))

const pickParts = (random: Random, parts: readonly PartName[]): PartName[] => {
  const name = random.pick(parts)
  const sort = name.replace(/\d$/, '')
  const twins = parts.filter((other) => other !== name && other.replace(/\d$/, '') === sort)
  return twins.length > 0 && random.chance(0.15) ? [name, random.pick(twins)] : [name]
}

/** One link, or every link to a service at once. */
const pickLinks = (random: Random, links: readonly string[]): string[] => {
  const name = random.pick(links)
  const [, to] = name.split(' -> ')
  const all = links.filter((other) => other.endsWith(`-> ${to}`))
  return random.chance(0.25) ? all : [name]
}
