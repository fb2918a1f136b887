import type { AccountType } from '../../domain/account.ts'
import type { OpenedAccount } from '../../domain/events/accounts-opened.ts'
import type { Metadata } from '../../domain/metadata.ts'
import type { HistoryEvent } from './history.ts'

export type SurveyedAccount = OpenedAccount & {
  /** Of this account alone, also where a code was used again after its account was closed. */
  readonly label: string
}

/** What must be known of a book before the first of its transactions can be written. */
export type Survey = {
  readonly name: string
  readonly timeZone: string
  /** As they are in the end, by their ids, in the order in which they were opened. */
  readonly accounts: ReadonlyMap<string, SurveyedAccount>
  /** Exponents of the currencies that accounts are in. */
  readonly exponents: ReadonlyMap<string, number>
  /** Keys that some transaction's metadata has, by name. */
  readonly metadataKeys: readonly string[]
  /** Metadata in the end of those transactions that were given other ones, by their ids. */
  readonly changedMetadata: ReadonlyMap<string, Metadata>
}

/** Reads a history once. */
export const survey = async (events: AsyncIterable<HistoryEvent>): Promise<Survey> => {
  let book = { name: '', timeZone: 'UTC' }
  const accounts = new Map<string, OpenedAccount>()
  const closed = new Set<string>()
  const keys = new Set<string>()
  const changedMetadata = new Map<string, Metadata>()
  for await (const event of events) {
    switch (event.type) {
      case 'BookOpened':
        book = { name: event.data.name, timeZone: event.data.time_zone }
        break
      case 'AccountsOpened':
        for (const account of event.data.accounts) accounts.set(account.id, account)
        break
      case 'AccountClosed':
        closed.add(event.data.account.id)
        break
      case 'AccountUpdated':
        accounts.set(event.data.account.id, event.data.account)
        break
      case 'TransactionsRecorded':
        for (const { metadata } of event.data.transactions) {
          for (const key of Object.keys(metadata)) keys.add(key)
        }
        break
      case 'TransactionMetadataChanged':
        changedMetadata.set(event.data.transaction, event.data.metadata)
        for (const key of Object.keys(event.data.metadata)) keys.add(key)
        break
      case 'AccountFrozen':
      case 'AccountUnfrozen':
      case 'HoldPosted':
      case 'HoldVoided':
      case 'HoldExpired':
      case 'PeriodClosed':
      case 'PeriodReopened':
      case 'MemberSet':
      case 'MemberRemoved':
      case 'CommandRefused':
      case 'BatchApplied':
        break
    }
  }
  const all = [...accounts.values()]
  return {
    ...book,
    accounts: labelled(all, closed),
    exponents: new Map(all.map(({ currency, exponent }) => [currency, exponent])),
    metadataKeys: [...keys].sort((one, other) => (one < other ? -1 : 1)),
    changedMetadata,
  }
}

/** An account is called by its code; a closed one whose code is another's has its id beside it. */
const labelled = (
  accounts: readonly OpenedAccount[],
  closed: ReadonlySet<string>,
): Map<string, SurveyedAccount> => {
  const taken = new Set<string>()
  const labels = new Map<string, string>()
  const openFirst = [...accounts].sort(
    (one, other) => Number(closed.has(one.id)) - Number(closed.has(other.id)),
  )
  for (const { id, code } of openFirst) {
    // A segment without a name is none to other programs.
    const plain = code
      .split(':')
      .map((segment) => segment || '_')
      .join(':')
    // Still a code, so that it can be imported.
    const label = taken.has(plain) ? `${plain.slice(0, 128 - 1 - id.length)}.${id}` : plain
    taken.add(label)
    labels.set(id, label)
  }
  return new Map(
    accounts.map((account) => [
      account.id,
      { ...account, label: labels.get(account.id) as string },
    ]),
  )
}

/** The types as hledger writes them. */
export const hledgerTypes: Readonly<Record<AccountType, string>> = {
  asset: 'A',
  liability: 'L',
  equity: 'E',
  income: 'R',
  expense: 'X',
}
