/**
 * What the store needs of a file system, so that tests can put a simulated disk beneath it.
 *
 * Calls throw errors that carry a `code` as Node's do (`ENOSPC`, `EIO`, ...). A `write` has reached
 * the operating system when it returns and the platter only after `sync`; a created, renamed or
 * removed name is durable only after `syncDirectory`.
 */
export type Disk = {
  list(): string[]
  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile
  remove(name: string): void
  rename(from: string, to: string): void
  syncDirectory(): void
  /** Takes the directory for this process alone, or throws. Answers how to give it back. */
  lock(): () => void
}

export type DiskFile = {
  /** Fills `into` from `offset` on and answers how many bytes there were. */
  read(into: Buffer, offset: number): number
  write(from: Buffer, offset: number): void
  truncate(length: number): void
  size(): number
  sync(): Promise<void>
  close(): void
}
