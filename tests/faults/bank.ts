import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { customers, pay, transfers } from '../support/amlsim.ts'
import type { Client } from './http.ts'
import { type Command, type Journal, learn, revisionOf } from './journal.ts'
import type { Opening } from './plans.ts'
import { askAgain, insist, newCommand, settleThrough } from './settle.ts'

/** Customers of AMLSim whose transfers are sent by many clients at once. */
export type Bank = {
  readonly bookId: string
  /** By sender: its transfers in the order in which they are given, each once the one before is answered. */
  readonly senders: ReadonlyMap<string, readonly Command[]>
  /** Whether every transfer has its final answer. */
  readonly isThrough: () => boolean
  /** Resolves once all are through, or the time is up. */
  readonly finish: (withinMs: number) => Promise<void>
  /** Asks for every refused one again, through every API. */
  readonly askRefusedAgain: () => Promise<void>
  /** What each API shows of the balances; none where it does not show the last revision known in time. */
  readonly statements: (withinMs: number) => Promise<readonly Statement[]>
}

/** In cents, by account code, what the bank owes; accounts at zero are left out. */
export type Statement = ReadonlyMap<string, bigint>

export type BankOptions = {
  /** How many are sent: the first in the file's order, of the customers who send most. */
  readonly transfers: number
  /** Between two transfers of a client, at most. */
  readonly pauseMs: number
}

/** How far a customer's balance may fall, in cents. */
export const bankLimit = -100_000n
const clientCount = 64
const openedAtOnce = 1_000
const opening = 'equity:opening'

type Transfer = ReturnType<typeof transfers>[number]

/**
 * The first in the file of so few senders that each has several; of all of them where all are asked for.
 * Transfers from an account to itself are left out.
 */
const choose = (count: number): Transfer[] => {
  const all = transfers().filter(({ from, to }) => from !== to)
  const sent = new Map<string, number>()
  for (const { from } of all) sent.set(from, (sent.get(from) ?? 0) + 1)
  const busiest = [...sent.keys()].toSorted((a, b) => (sent.get(b) ?? 0) - (sent.get(a) ?? 0))
  const senders = new Set(busiest.slice(0, Math.max(2 * clientCount, count / 5)))
  return all.filter(({ from }) => senders.has(from)).slice(0, count)
}

/** Opens a bank with what its customers begin with, and lets clients send until all is through. */
export const startBank = async (
  client: Client,
  journal: Journal,
  { transfers: count, pauseMs }: BankOptions,
): Promise<Bank> => {
  const chosen = choose(count)
  const bookId = await openBank(client, journal, chosen)
  const senders = new Map<string, Command[]>()
  for (const [number, { from, to, amount }] of chosen.entries()) {
    const metadata = { command: String(number), item: '0' }
    const posting = { metadata, entries: pay(from, to, amount) }
    const command = newCommand(number, bookId, { kind: 'post', posting }, randomUUID())
    senders.set(from, [...(senders.get(from) ?? []), command])
  }
  const giveUp = new AbortController()
  const settle = settleThrough(client, journal, giveUp.signal)
  let left = chosen.length
  // Each client has senders of its own, and takes turns between them.
  const shares = Array.from({ length: clientCount }, (_, at) =>
    [...senders.values()].filter((_, sender) => sender % clientCount === at),
  )
  const clients = shares.map(async (share, at) => {
    for (const command of share.flat().toSorted((a, b) => a.number - b.number)) {
      if ((await settle(command, (at + command.number) % client.apis)) === null) return
      left--
      await sleep(Math.random() * pauseMs)
    }
  })
  return {
    bookId,
    senders,
    isThrough: () => left === 0,
    finish: async (withinMs) => {
      const timer = setTimeout(() => giveUp.abort(), withinMs)
      await Promise.all(clients)
      clearTimeout(timer)
    },
    askRefusedAgain: () =>
      askAgain(client, settle, [...senders.values()].flat().filter(isRefused), clientCount),
    statements: (withinMs) => readStatements(client, journal, bookId, withinMs),
  }
}

const openBank = async (
  client: Client,
  journal: Journal,
  chosen: readonly Transfer[],
): Promise<string> => {
  const { data } = await insist(client, '/v1/books', { name: 'bank' })
  const bookId: string = data.id
  const path = `/v1/books/${bookId}`
  const first: Opening = { code: opening, type: 'equity', currency: 'USD' }
  await insist(client, `${path}/accounts`, first)
  const named = new Set(chosen.flatMap(({ from, to }) => [from, to]))
  const concerned = customers().filter(({ code }) => named.has(code))
  const limited = { type: 'liability', currency: 'USD', min_balance: String(bankLimit) } as const
  for (let from = 0; from < concerned.length; from += openedAtOnce) {
    const some = concerned.slice(from, from + openedAtOnce)
    const accounts = some.map(({ code }): Opening => ({ code, ...limited }))
    await insist(client, `${path}/accounts/batch`, { accounts })
    const entries = some.flatMap(({ code, opening: amount }) => pay(opening, code, amount))
    const { revision } = await insist(client, `${path}/transactions`, { entries })
    learn(journal, bookId, revision)
  }
  return bookId
}

export const isRefused = ({ answers: [first] }: Command): boolean => (first?.status ?? 0) >= 400

type TrialBalance = {
  readonly accounts: readonly { account_code: string; debit: string; credit: string }[]
}

const readStatements = (
  client: Client,
  { known }: Journal,
  bookId: string,
  withinMs: number,
): Promise<Statement[]> => {
  const path = `/v1/books/${bookId}/reports/trial-balance`
  const least = known.get(bookId) ?? 0
  const headers = { 'Daybook-Min-Revision': String(least) }
  const end = Date.now() + withinMs
  const read = async (api: number): Promise<Statement> => {
    while (Date.now() < end) {
      const { answer } = await client.send(api, { method: 'GET', path, headers })
      if (answer?.status === 200 && (revisionOf(answer) ?? -1) >= least) {
        const { accounts }: TrialBalance = JSON.parse(answer.text).data
        const owed = accounts.map(
          ({ account_code, debit, credit }) =>
            [account_code, BigInt(credit) - BigInt(debit)] as const,
        )
        return new Map(owed)
      }
      await sleep(200)
    }
    return new Map()
  }
  return Promise.all(Array.from({ length: client.apis }, (_, api) => read(api)))
}
