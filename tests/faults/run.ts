import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Bank, isRefused, type Statement, startBank } from './bank.ts'
import { checkBank } from './check-bank.ts'
import { checkLog } from './check-log.ts'
import { checkReads } from './check-reads.ts'
import { checkRequests } from './check-requests.ts'
import { checkRows, readCheckpoints, readHalts } from './check-rows.ts'
import { type Client, createClient } from './http.ts'
import { archiveRecent, type Command, type Journal, newJournal, noteAttempt } from './journal.ts'
import { type Load, type LoadOptions, startLoad } from './load.ts'
import { type Log, readLog } from './log-reader.ts'
import { measureVisible, startProbes } from './probes.ts'
import { seeded } from './random.ts'
import { type Recovery, type Report, timesOf } from './report.ts'
import { kindsOf, type ScheduleOptions, schedule } from './schedule.ts'
import { type Striking, strike } from './strike.ts'
import { type System, startSystem } from './system.ts'

export type RunOptions = ScheduleOptions & {
  /**
   * Until then there are faults; with `commands` until these are answered, if that comes first. Each
   * kind of a focus is worked once at least.
   */
  readonly minutes: number
  readonly load: LoadOptions
  /** So many of a bank beside it; faults go on until these are answered too. */
  readonly transfers?: number
  readonly patience?: Patience
  /** For processes, their data and their logs. */
  readonly directory: string
  /** Daybook, compiled. */
  readonly main: string
  readonly say: (line: string) => void
}

/** How long is waited for what has to come, in ms. */
export type Patience = {
  /** Writes and reads through all APIs after a fault. */
  readonly recovery: number
  /** Final answers after the last fault. */
  readonly answers: number
  /** The read model after the last answer. */
  readonly caughtUp: number
}

const usualPatience: Patience = { recovery: 45_000, answers: 90_000, caughtUp: 60_000 }

/** What a run leaves for the checks. */
export type Evidence = {
  readonly report: Report
  readonly log: Log
  readonly journal: Journal
  readonly bank: { readonly bank: Bank; readonly statements: readonly Statement[] } | null
}

/** Starts Daybook, loads it, breaks it for so many minutes, and checks what is left of it. */
export const runFaults = async (options: RunOptions): Promise<Evidence> => {
  const { seed, directory, main, say, patience = usualPatience } = options
  const startedAt = new Date().toISOString()
  say(
    `seed ${seed}: starting ${options.apis} APIs, two workers, the event store, Postgres and two Redis`,
  )
  const system = await startSystem(directory, main, options.apis)
  const journal = newJournal(directory)
  const client = createClient(system.apiPorts, system.login, (attempt) =>
    noteAttempt(journal, attempt),
  )
  try {
    const load = await startLoad(client, journal, seeded(seed + 1), options.load)
    const bank = options.transfers
      ? await startBank(client, journal, {
          transfers: options.transfers,
          pauseMs: options.load.pauseMs,
        })
      : null
    const probed = load.books[0]?.id ?? ''
    const probes = startProbes(client, probed)
    await sleep(2_000)
    const recoveries = await breakThings(options, system, journal, probes, bank)
    await probes.stop()
    say('all faults are lifted: waiting for the last answers')
    await Promise.all(Object.values(system.parts).map((part) => part.whenUp()))
    await Promise.all([load.finish(patience.answers), bank?.finish(patience.answers)])
    const ids = load.books.map(({ id }) => id)
    const visible = await measureVisible(client, ids)
    await load.askAgain([...journal.recent.refused, ...journal.recent.taken])
    archiveRecent(journal)
    await bank?.askRefusedAgain()
    const statements = (await bank?.statements(patience.caughtUp)) ?? []
    const forwards = await readForwards(client)
    const log = await readLog(system.direct.eventStoreUrl)
    say('everything is answered: checking')
    const { failures, checked } = await check(system, log, journal, load, bank, patience)
    if (bank) failures.push(...checkBank(log.get(`book-${bank.bookId}`) ?? [], bank, statements))
    for (const { ms, label, fault } of recoveries) {
      if (ms !== null) continue
      failures.unshift(
        `recovery: after ${label} (${JSON.stringify(fault)}) writes and reads through all APIs ` +
          `did not succeed within ${patience.recovery} ms`,
      )
    }
    const found = { failures, checked }
    const report = {
      ...reportOf(options, startedAt, system, journal, recoveries, found),
      'ms until visible, at the end': visible,
      'forwards since the last start': forwards,
    }
    return { report, log, journal, bank: bank && { bank, statements } }
  } finally {
    client.close()
    await system.close()
  }
}

/** Commands that one API had from another, by what came of them; a start begins to count anew. */
const readForwards = async (client: Client): Promise<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (let api = 0; api < client.apis; api++) {
    const { answer } = await client.send(api, { method: 'GET', path: '/metrics' })
    const lines = answer?.text.matchAll(/^daybook_forwards_total\{result="(\w+)"\} (\d+)$/gm) ?? []
    for (const [, result = '', count] of lines) sums[result] = (sums[result] ?? 0) + Number(count)
  }
  return sums
}

const breakThings = async (
  { patience = usualPatience, minutes, say, load, ...scheduled }: RunOptions,
  system: System,
  journal: Journal,
  probes: ReturnType<typeof startProbes>,
  bank: Bank | null,
): Promise<Recovery[]> => {
  const recoveries: Recovery[] = []
  const end = Date.now() + minutes * 60_000
  let number = 0
  let isAlone = true
  const { focus = [] } = scheduled
  const fewest = kindsOf(focus).length
  const isGiven = () => journal.given >= (load.commands ?? Number.POSITIVE_INFINITY)
  const isOver = () => (Date.now() > end || isGiven()) && (bank?.isThrough() ?? true)
  for (const round of schedule(scheduled)) {
    if (isOver() && number >= fewest) break
    await sleep(round.pauseMs)
    number++
    const unwatch = probes.watch()
    const struck: Striking[] = await Promise.all(
      round.faults.map((fault) => strike(system, journal, number, fault)),
    )
    const [only] = struck
    const lifted = Math.max(...struck.map(({ countedFrom }) => countedFrom))
    const label = struck.length === 1 && isAlone && only ? only.label : 'several at once'
    isAlone = round.waits
    const what = struck.map((one) => one.label).join(' + ')
    if (!round.waits) {
      unwatch()
      say(`${number}. ${what}; the next comes at once`)
      continue
    }
    const served = await probes.servedSince(lifted, patience.recovery)
    unwatch()
    const ms = served === null ? null : served - lifted
    recoveries.push({ label, fault: (only as Striking).fault, ms })
    const up = Math.max(...(await Promise.all(struck.map(({ whole }) => whole))))
    const told = ms === null ? 'NOT RECOVERED' : `${ms} ms`
    const upTold = up > lifted ? `, up after ${up - lifted} ms` : ''
    say(`${number}. ${what}: ${told}${upTold}; ${journal.given} commands so far`)
  }
  return recoveries
}

const check = async (
  system: System,
  log: Log,
  journal: Journal,
  { books }: Load,
  bank: Bank | null,
  patience: Patience,
): Promise<{ failures: string[]; checked: Record<string, number> }> => {
  const db = new pg.Client({ connectionString: system.direct.databaseUrl })
  await db.connect()
  try {
    const behind = await untilCaughtUp(db, headsOf(log), patience.caughtUp)
    const halts = await readHalts(db)
    const deaths = Object.values(system.parts).flatMap((part) => part.deaths)
    // The checks of a long run keep this process for minutes, and with it every link.
    await system.closePrograms()
    const transfers = [...(bank?.senders.values() ?? [])].flat()
    const given = new Map<string, Iterable<Command>>(journal.commands)
    if (bank) given.set(bank.bookId, transfers)
    const { ledgers, failures } = checkLog(log, given)
    const reads = checkReads(journal.reads, ledgers)
    const rows = await checkRows(db, ledgers)
    return {
      failures: [
        ...deaths.map((death) => `died: ${death}`),
        ...failures,
        ...reads.failures,
        ...checkRequests(journal),
        ...behind,
        ...halts,
        ...rows.failures,
      ],
      checked: {
        books: books.length,
        events: [...log.values()].reduce((sum, events) => sum + events.length, 0),
        commands: journal.given,
        answers: journal.answered,
        ...(bank && { transfers: transfers.length, refused: transfers.filter(isRefused).length }),
        reads: reads.checked,
        rows: rows.rows,
      },
    }
  } finally {
    await db.end()
  }
}

const headsOf = (log: Log): ReadonlyMap<string, number> =>
  new Map(
    [...log]
      .filter(([stream]) => stream.startsWith('book-'))
      .map(([stream, events]) => [stream.slice('book-'.length), events.at(-1)?.revision ?? -1]),
  )

const untilCaughtUp = async (
  db: pg.Client,
  heads: ReadonlyMap<string, number>,
  withinMs: number,
): Promise<string[]> => {
  const end = Date.now() + withinMs
  for (;;) {
    const checkpoints = await readCheckpoints(db)
    const behind = [...heads].filter(([id, head]) => checkpoints.get(id)?.revision !== head)
    if (behind.length === 0) return []
    if (Date.now() > end) {
      return behind.map(
        ([id, head]) =>
          `behind: book ${id} is folded up to ${checkpoints.get(id)?.revision} of ${head}, ` +
          `${withinMs} ms after everything was well`,
      )
    }
    await sleep(200)
  }
}

const reportOf = (
  { seed, minutes }: RunOptions,
  startedAt: string,
  { parts }: System,
  { faults, counts, latencies }: Journal,
  recoveries: readonly Recovery[],
  { failures, checked }: { failures: string[]; checked: Record<string, number> },
): Report => {
  const byLabel: Record<string, number[]> = {}
  for (const { label, ms } of recoveries) if (ms !== null) (byLabel[label] ??= []).push(ms)
  const tally: Record<string, number> = {}
  for (const { fault } of faults) tally[fault.kind] = (tally[fault.kind] ?? 0) + 1
  const { p50, p99, max } = timesOf(latencies)
  const counted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const isCommand = ([name]: readonly [string, number]) => name.startsWith('command ')
  return {
    seed,
    minutes,
    startedAt,
    passed: failures.length === 0,
    faults: { total: faults.length, byLabel: tally },
    commands: Object.fromEntries(counted.filter(isCommand)),
    requests: {
      ...Object.fromEntries(counted.filter((one) => !isCommand(one))),
      'p50 ms': p50,
      'p99 ms': p99,
      'max ms': max,
    },
    checked,
    recovery: Object.fromEntries(
      Object.entries(byLabel).map(([label, values]) => [label, timesOf(values)]),
    ),
    failedStarts: Object.fromEntries(
      Object.values(parts).map(({ name, failures }) => [name, failures.length]),
    ),
    failures,
  }
}
