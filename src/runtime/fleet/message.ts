import type { Command } from '../../commands/command.ts'
import { commands } from '../../commands/index.ts'
import type { Outcome, Received } from '../../commands/received.ts'
import type { Rejection } from '../../domain/rejection.ts'

/** A received command with its name in place of what the name stands for. */
export type SentCommand = Omit<Received, 'command'> & { readonly command: string }

export type Question =
  | { readonly n: number; readonly received: SentCommand }
  | { readonly ping: true }

/** What became of command `n`, or a sign of life, or that no more are taken. */
export type Reply =
  | { readonly n: number; readonly outcome: SentOutcome }
  | { readonly n: number; readonly rejection: Rejection }
  /** It was not looked at: this process does not know such a command. */
  | { readonly n: number; readonly unknown: true }
  /** A bug, whose traces are in the log of whoever met it. */
  | { readonly n: number; readonly failed: string }
  | { readonly pong: true }
  | { readonly leaving: true }

/** Mostly the event is what is shown, and goes only once. */
type SentOutcome = Outcome | (Omit<Extract<Outcome, { kind: 'done' }>, 'recorded'> & { same: true })

export const toSent = ({ command, ...received }: Received): SentCommand => ({
  ...received,
  command: command.name,
})

/** Null for a command that this process does not know. */
export const toReceived = ({ command: name, ...received }: SentCommand): Received | null => {
  const command = commands.find((one) => one.name === name)
  return command ? { ...received, command: command as Command } : null
}

export const toSentOutcome = (outcome: Outcome): SentOutcome => {
  if (outcome.kind === 'refused' || outcome.recorded !== outcome.event) return outcome
  const { recorded: _, ...rest } = outcome
  return { ...rest, same: true }
}

export const toOutcome = (sent: SentOutcome): Outcome => {
  if (!('same' in sent)) return sent
  const { same: _, ...rest } = sent
  return { ...rest, recorded: rest.event as Extract<Outcome, { kind: 'done' }>['recorded'] }
}
