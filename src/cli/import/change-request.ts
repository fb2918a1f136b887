import type { ChangeLine } from './line.ts'

/** What a line asks of the API; the path is below that of the book. */
export type ChangeRequest = {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** The ids of what the file names, at this point of it. */
export type Ids = {
  readonly ofAccount: (code: string) => string
  readonly ofTransaction: (name: string) => string
}

export const changeRequest = (line: ChangeLine, ids: Ids): ChangeRequest => {
  switch (line.type) {
    case 'replace_account':
      return { method: 'PUT', path: accountPath(line, ids), body: line.replacement }
    case 'freeze_account':
      return { method: 'POST', path: `${accountPath(line, ids)}/freeze` }
    case 'unfreeze_account':
      return { method: 'POST', path: `${accountPath(line, ids)}/unfreeze` }
    case 'close_account':
      return { method: 'DELETE', path: accountPath(line, ids) }
    case 'post_hold': {
      const { entries, ...rest } = line.posting
      const parts = entries?.map((part) => ({ ...part, account: ids.ofAccount(part.account) }))
      const body = parts ? { ...rest, entries: parts } : rest
      return { method: 'POST', path: `${transactionPath(line, ids)}/post`, body }
    }
    case 'void_hold':
      return { method: 'POST', path: `${transactionPath(line, ids)}/void` }
    case 'reverse_transaction':
      return { method: 'POST', path: `${transactionPath(line, ids)}/reverse`, body: line.reversal }
    case 'change_metadata': {
      const { metadata } = line
      return { method: 'PATCH', path: transactionPath(line, ids), body: { metadata } }
    }
    case 'close_period':
    case 'reopen_period': {
      const verb = line.type === 'close_period' ? 'close' : 'reopen'
      return { method: 'POST', path: `/periods/${verb}`, body: { through: line.through } }
    }
  }
}

const accountPath = ({ account }: { account: string }, { ofAccount }: Ids): string =>
  `/accounts/${encodeURIComponent(ofAccount(account))}`

const transactionPath = (
  { transaction }: { transaction: string },
  { ofTransaction }: Ids,
): string => `/transactions/${encodeURIComponent(ofTransaction(transaction))}`
