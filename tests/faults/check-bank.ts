import { type Bank, bankLimit, isRefused, type Statement } from './bank.ts'
import { transactionsOf } from './fold.ts'
import type { Stored } from './log-reader.ts'

/**
 * A bank whose transfers were sent through so many APIs: at every revision all sums to zero and nobody
 * is below the limit; each sender's transfers stand in the order in which they were given; a refusal is
 * one whoever is asked; and each API shows what the log comes to.
 */
export const checkBank = (
  events: readonly Stored[],
  { senders }: Pick<Bank, 'senders'>,
  statements: readonly Statement[],
): string[] => {
  const { owed, failures } = addUp(events)
  return [
    ...failures,
    ...checkOrder(events, senders),
    ...checkRefusals(senders, statements.length),
    ...statements.flatMap((statement, at) => checkStatement(owed, statement, `api-${at + 1}`)),
  ]
}

type Opened = { readonly id: string; readonly code: string; readonly currency: string }

/** What is owed to each account in the end, by code. */
const addUp = (events: readonly Stored[]): { owed: Map<string, bigint>; failures: string[] } => {
  const failures: string[] = []
  const accounts = new Map<string, Opened>()
  const owed = new Map<string, bigint>()
  const sums = new Map<string, bigint>()
  for (const event of events) {
    for (const opened of (event.data['accounts'] ?? []) as Opened[]) accounts.set(opened.id, opened)
    for (const { entries } of transactionsOf(event)) {
      const touched = new Set<string>()
      for (const { account, direction, amount } of entries) {
        const { code, currency } = accounts.get(account) as Opened
        const change = direction === 'credit' ? BigInt(amount) : -BigInt(amount)
        owed.set(code, (owed.get(code) ?? 0n) + change)
        sums.set(currency, (sums.get(currency) ?? 0n) + change)
        touched.add(code)
      }
      for (const code of touched) {
        const balance = owed.get(code) as bigint
        if (!code.startsWith('customer:') || balance >= bankLimit) continue
        failures.push(`limit: at revision ${event.revision} ${code} is at ${balance}`)
      }
    }
    for (const [currency, sum] of sums) {
      if (sum !== 0n) failures.push(`sum: at revision ${event.revision} it is ${sum} ${currency}`)
    }
  }
  return { owed, failures }
}

/** Recorded and refused alike, for both stand in the log under their keys. */
const checkOrder = (events: readonly Stored[], senders: Bank['senders']): string[] => {
  const senderOf = new Map<string, string>()
  for (const [sender, commands] of senders) {
    for (const { key } of commands) senderOf.set(key ?? '', sender)
  }
  const kept = new Map<string, string[]>([...senders.keys()].map((sender) => [sender, []]))
  for (const { metadata } of events) {
    const { idempotency_key: key } = metadata
    if (key !== null) kept.get(senderOf.get(key) ?? '')?.push(key)
  }
  return [...senders].flatMap(([sender, commands]) => {
    const given = commands.map(({ key }) => key)
    const found = kept.get(sender) ?? []
    const at = given.findIndex((key, index) => key !== found[index])
    if (at === -1 && found.length === given.length) return []
    return [`order: of ${sender} the log has not transfer ${commands[at]?.number} at place ${at}`]
  })
}

/** That the answers are alike is seen with those of all other commands. */
const checkRefusals = (senders: Bank['senders'], apis: number): string[] =>
  [...senders.values()]
    .flat()
    .filter(isRefused)
    .flatMap(({ number, answers: [, ...later] }) => {
      const asked = new Set(later.map(({ api }) => api))
      if (asked.size === apis) return []
      return [`refusal: of transfer ${number} ${asked.size} of ${apis} APIs were asked again`]
    })

const checkStatement = (
  owed: ReadonlyMap<string, bigint>,
  statement: Statement,
  api: string,
): string[] => {
  const codes = new Set([...owed.keys(), ...statement.keys()])
  return [...codes].flatMap((code) => {
    const [due, shown] = [owed.get(code) ?? 0n, statement.get(code) ?? 0n]
    return due === shown ? [] : [`statement: ${api} shows ${shown} for ${code}, and it is ${due}`]
  })
}
