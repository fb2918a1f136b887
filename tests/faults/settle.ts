import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Client, patienceMs } from './http.ts'
import { type Command, count, type Final, type Journal, learn, revisionOf } from './journal.ts'
import { bodyOf, methodOf, type Plan, pathOf } from './plans.ts'

export const isFinal = ({ status }: Answer): boolean =>
  status < 500 && status !== 401 && status !== 408 && status !== 429

export const newCommand = (
  number: number,
  bookId: string,
  plan: Plan,
  key: string | null,
): Command => ({
  number,
  bookId,
  plan,
  method: methodOf(plan),
  path: `/v1/books/${bookId}${pathOf(plan)}`,
  body: bodyOf(plan),
  key,
  transactionIds: plan.kind === 'post' && plan.posting.id ? [plan.posting.id] : [],
  firstSentAt: Date.now(),
  answers: [],
})

/** Sends a command until its answer is final, to another API each time; null: it was given up. */
export type Settle = (command: Command, first: number) => Promise<Final | null>

/** One request in so many comes from a client that leaves before Daybook would say 503. */
const hastyEvery = 10
const hastyMs = { least: 300, most: 3_000 }

export const settleThrough = (client: Client, journal: Journal, giveUp: AbortSignal): Settle => {
  let sent = 0
  const patience = (): number =>
    sent++ % hastyEvery === 0
      ? hastyMs.least * (hastyMs.most / hastyMs.least) ** Math.random()
      : patienceMs

  return async (command, first) => {
    let api = first
    for (let attempt = 0; !giveUp.aborted; attempt++) {
      const knownRevision = journal.known.get(command.bookId) ?? -1
      const { method, path, body, key, bookId } = command
      const headers: Record<string, string> = key === null ? {} : { 'Idempotency-Key': key }
      const waitMs = patience()
      const { answer, failure, sentAt, endedAt } = await client.send(
        api,
        { method, path, headers, body },
        waitMs,
      )
      if (failure === 'TIMEOUT' && waitMs < patienceMs) count(journal, 'left early')
      if (answer && isFinal(answer)) {
        const revision = revisionOf(answer)
        const isReplay = answer.headers['idempotent-replayed'] === 'true'
        const times = { sentAt, endedAt, knownRevision }
        const { status, text } = answer
        const final = { api, ...times, status, revision, isReplay, body: JSON.parse(text || '{}') }
        command.answers.push(final)
        journal.answered++
        learn(journal, bookId, revision)
        return final
      }
      // Nothing protects this one, so a good client would not send it twice.
      if (key === null && command.transactionIds.length === 0) return null
      await sleep(Math.min(1_000, 50 * 2 ** attempt) * (0.5 + Math.random()))
      api = (api + 1) % client.apis
    }
    return null
  }
}

/** Asks every API for settled commands again, so many at once: the answers go beside the first. */
export const askAgain = async (
  { apis }: Client,
  settle: Settle,
  commands: readonly Command[],
  atOnce: number,
): Promise<void> => {
  const queue = [...commands]
  const ask = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      for (let api = 0; api < apis; api++) {
        let final = await settle(next, api)
        // Another has answered, because this one did not in time.
        while (final && final.api !== api) final = await settle(next, api)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, ask))
}

/** Before any fault: what has to be there is asked for until it is. */
export const insist = async (client: Client, path: string, body: unknown = null) => {
  const headers = { 'Idempotency-Key': randomUUID() }
  for (;;) {
    const { answer } = await client.send(0, { method: 'POST', path, headers, body })
    if (answer && answer.status < 300) {
      return { data: JSON.parse(answer.text).data, revision: revisionOf(answer) }
    }
    if (answer && isFinal(answer)) throw new Error(`${path}: ${answer.status} ${answer.text}`)
    await sleep(200)
  }
}
