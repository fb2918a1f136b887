import { Rejected, reject } from '../domain/rejection.ts'
import type { Outcome, Received } from './received.ts'

/** What a process takes on at once, over all its books. */
export type Capacity = {
  readonly commands: number
  /** Of the requests as they were sent. In memory a command takes several times as much. */
  readonly bytes: number
}

type Submit = (received: Received) => Promise<Outcome>

/**
 * The same submit for as many commands as there is room for. Who comes past that is told at once:
 * to wait in memory for an answer that comes too late helps nobody. One alone always has room.
 */
export const withinCapacity = (submit: Submit, { commands, bytes }: Capacity): Submit => {
  let commandsTaken = 0
  let bytesTaken = 0
  return async (received) => {
    const isFull = commandsTaken >= commands || bytesTaken + received.bytes > bytes
    if (isFull && commandsTaken > 0) throw new Rejected(reject('overloaded'))
    commandsTaken++
    bytesTaken += received.bytes
    try {
      return await submit(received)
    } finally {
      commandsTaken--
      bytesTaken -= received.bytes
    }
  }
}
