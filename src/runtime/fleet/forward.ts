import { v7 } from 'uuid'
import type { Outcome, Received } from '../../commands/received.ts'
import { Rejected, type RejectionCode, reject } from '../../domain/rejection.ts'
import type { Leases } from './leases.ts'
import { openPeerLink, type PeerLink } from './peer-link.ts'

type Submit = (received: Received) => Promise<Outcome>

export type ForwardOptions = {
  readonly leases: Leases
  readonly secret: Buffer
  /** Decides here. */
  readonly local: Submit
  readonly observe: (result: 'answered' | 'taken_over' | 'lost') => void
  readonly warn: (message: string, details: object) => void
}

export type Forwarding = { readonly submit: Submit; readonly close: () => void }

/** How long a peer that could not be reached, or cannot reach the store, is left alone. */
const doubtMs = 2_000
/** A caller is told within ten seconds that the outcome is unknown, if it is. */
const answerMs = 9_000
/** A peer that says so may be cut off from the store when we are not. */
const doubtful: ReadonlySet<RejectionCode> = new Set(['store_unavailable', 'outcome_unknown'])

/**
 * Hands each command to the process that writes its book, and decides it here where that is this
 * one or cannot be reached.
 *
 * A peer whose answer is lost may have stored the command, or may yet. A keyed one is then decided
 * here all the same: the key is found if it was stored, and whoever comes second finds it. It gets
 * a command id of its own, because EventStoreDB takes an append whose event ids it knows for the
 * one that it has, though the events are others. Without a key the outcome is unknown.
 */
export const forwarding = ({
  leases,
  secret,
  local,
  observe,
  warn,
}: ForwardOptions): Forwarding => {
  const links = new Map<string, PeerLink>()
  const doubted = new Map<string, number>()

  const linkTo = (address: string): PeerLink => {
    const known = links.get(address)
    if (known) return known
    const link: PeerLink = openPeerLink(address, secret, () => {
      if (links.get(address) === link) links.delete(address)
    })
    links.set(address, link)
    return link
  }
  const isDoubted = (address: string): boolean => (doubted.get(address) ?? 0) > performance.now()
  const doubt = (address: string, why: string): void => {
    if (!isDoubted(address)) warn('a peer is left alone for a while', { peer: address, why })
    doubted.set(address, performance.now() + doubtMs)
  }
  const takeOver = (received: Received, address: string): Promise<Outcome> => {
    leases.takeFrom(received.bookId, address)
    observe('taken_over')
    return local(received)
  }

  const forward = async (received: Received, address: string): Promise<Outcome> => {
    if (isDoubted(address)) return takeOver(received, address)
    const sent = await linkTo(address).send(received)
    switch (sent.kind) {
      case 'answered':
        observe('answered')
        return sent.outcome
      case 'rejected': {
        observe('answered')
        const { code, message } = sent.rejection
        if (doubtful.has(code)) doubt(address, message)
        throw new Rejected(sent.rejection)
      }
      case 'failed':
        observe('answered')
        throw sent.error
      case 'not_taken':
        doubt(address, sent.why)
        return takeOver(received, address)
      case 'lost':
        observe('lost')
        doubt(address, sent.why)
        if (received.key === null && !received.isDryRun) {
          throw new Rejected(reject('outcome_unknown'))
        }
        return takeOver({ ...received, commandId: v7() }, address)
    }
  }

  return {
    submit: (received) => {
      const holder = leases.holderOf(received.bookId)
      if (holder === null) return local(received)
      if (typeof holder === 'string') return inTime(forward(received, holder))
      return holder.then((found) =>
        found === null ? local(received) : inTime(forward(received, found)),
      )
    },
    close: () => {
      for (const link of links.values()) link.close()
    },
  }
}

const inTime = (outcome: Promise<Outcome>): Promise<Outcome> =>
  new Promise((resolve, rejectWith) => {
    const late = setTimeout(() => rejectWith(new Rejected(reject('outcome_unknown'))), answerMs)
    void outcome.then(resolve, rejectWith).finally(() => clearTimeout(late))
  })
