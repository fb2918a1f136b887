import type { Disk, DiskFile } from '../../../src/event-store/disk/disk.ts'
import type { Random } from './random.ts'

const SECTOR = 512

type Change = { at: number; bytes: Buffer } | { truncateTo: number }

/** What is on the platter, what the operating system shows, and the changes between the two. */
type Inode = { durable: Buffer; live: Buffer; pending: Change[] }
type Rename = () => void

export type Faults = {
  /** Writes fail when this says so, having written a part. */
  write: () => 'ENOSPC' | 'EIO' | undefined
  read: () => boolean
  sync: () => boolean
}

export const noFaults: Faults = {
  write: () => undefined,
  read: () => false,
  sync: () => false,
}

/**
 * A disk that behaves as badly as real ones may. Writes reach the platter at a sync or, in any order
 * and in parts, at a crash. After a failed sync the operating system believes its pages clean: what
 * did not get through is lost at the next crash however often one syncs, unless it is written anew.
 * (A file's new length is journaled and stays to be done.)
 * Syncs finish when `finishSync` says so.
 */
export class SimulatedDisk implements Disk {
  faults: Faults = noFaults
  private readonly random: Random
  private live = new Map<string, Inode>()
  private durable = new Map<string, Inode>()
  private renames: Rename[] = []
  private waiting: (() => void)[] = []
  private boots = 0
  private isLocked = false

  constructor(random: Random) {
    this.random = random
  }

  list(): string[] {
    return [...this.live.keys()]
  }

  open(name: string, mode: 'read' | 'write' | 'create'): DiskFile {
    let inode = this.live.get(name)
    if (mode === 'create') {
      if (inode !== undefined) throw failure('EEXIST')
      this.failWrite()
      const created: Inode = { durable: Buffer.alloc(0), live: Buffer.alloc(0), pending: [] }
      inode = created
      this.live.set(name, created)
      this.renames.push(() => this.durable.set(name, created))
    }
    if (inode === undefined) throw failure('ENOENT')
    return new SimulatedFile(this, inode, this.boots)
  }

  remove(name: string): void {
    if (!this.live.delete(name)) throw failure('ENOENT')
    this.renames.push(() => this.durable.delete(name))
  }

  rename(from: string, to: string): void {
    const inode = this.live.get(from)
    if (inode === undefined) throw failure('ENOENT')
    this.live.delete(from)
    this.live.set(to, inode)
    this.renames.push(() => {
      this.durable.delete(from)
      this.durable.set(to, inode)
    })
  }

  syncDirectory(): void {
    for (const apply of this.renames.splice(0)) apply()
  }

  lock(): () => void {
    if (this.isLocked) throw new Error('locked')
    this.isLocked = true
    return () => {
      this.isLocked = false
    }
  }

  get isSyncing(): boolean {
    return this.waiting.length > 0
  }

  /** Lets the oldest waiting sync come to its end, good or bad. */
  finishSync(): void {
    this.waiting.shift()?.()
  }

  /** A file's content as the operating system shows it, to be changed by tests of corruption. */
  content(name: string): Buffer {
    return this.live.get(name)?.live ?? Buffer.alloc(0)
  }

  setContent(name: string, content: Buffer): void {
    const inode: Inode = { durable: content, live: Buffer.from(content), pending: [] }
    this.live.set(name, inode)
    this.durable.set(name, inode)
  }

  /** The process dies: what it had written stays with the operating system. */
  kill(): void {
    this.boots++
    this.waiting = []
    this.isLocked = false
  }

  /** The power fails: of what was not synced any part may have reached the platter. */
  crash(): void {
    this.kill()
    for (const apply of this.renames.splice(0, this.random.below(this.renames.length + 1))) apply()
    this.renames = []
    this.live = new Map(this.durable)
    for (const inode of new Set(this.live.values())) this.tear(inode)
  }

  private tear(inode: Inode): void {
    const survival = this.random.pick(['none', 'prefix', 'any', 'all'])
    let cutAt = survival === 'prefix' ? this.random.below(inode.pending.length + 1) : -1
    for (const change of inode.pending) {
      if (survival === 'none' || cutAt === 0) break
      cutAt--
      if ('truncateTo' in change || survival === 'all' || survival === 'prefix') {
        inode.durable = changed(inode.durable, change)
      } else {
        for (const part of sectors(change)) {
          if (this.random.chance(0.5)) inode.durable = changed(inode.durable, part)
        }
      }
    }
    inode.pending = []
    inode.live = Buffer.from(inode.durable)
  }

  /** The file's own doings, while its process lives. */
  check(boot: number): void {
    if (boot !== this.boots) throw failure('EBADF')
  }

  read(inode: Inode, into: Buffer, offset: number): number {
    if (this.faults.read()) throw failure('EIO')
    return inode.live.copy(into, 0, offset, Math.min(inode.live.length, offset + into.length))
  }

  write(inode: Inode, bytes: Buffer, at: number): void {
    const fault = this.faults.write()
    const part = fault === undefined ? bytes.length : this.random.below(bytes.length + 1)
    const change = { at, bytes: Buffer.from(bytes.subarray(0, part)) }
    inode.live = changed(inode.live, change)
    inode.pending.push(change)
    if (fault !== undefined) throw failure(fault)
  }

  truncate(inode: Inode, truncateTo: number): void {
    inode.live = changed(inode.live, { truncateTo })
    inode.pending.push({ truncateTo })
  }

  sync(inode: Inode): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => {
        if (this.faults.sync()) {
          const data = inode.pending.filter((change) => 'bytes' in change)
          for (const change of data) {
            if (this.random.chance(0.5)) inode.durable = changed(inode.durable, change)
          }
          inode.pending = inode.pending.filter((change) => !('bytes' in change))
          reject(failure('EIO'))
          return
        }
        for (const change of inode.pending) inode.durable = changed(inode.durable, change)
        inode.pending = []
        resolve()
      })
    })
  }

  private failWrite(): void {
    const fault = this.faults.write()
    if (fault !== undefined) throw failure(fault)
  }
}

class SimulatedFile implements DiskFile {
  private readonly disk: SimulatedDisk
  private readonly inode: Inode
  private readonly boot: number

  constructor(disk: SimulatedDisk, inode: Inode, boot: number) {
    this.disk = disk
    this.inode = inode
    this.boot = boot
  }

  read(into: Buffer, offset: number): number {
    this.disk.check(this.boot)
    return this.disk.read(this.inode, into, offset)
  }

  write(from: Buffer, offset: number): void {
    this.disk.check(this.boot)
    this.disk.write(this.inode, from, offset)
  }

  truncate(length: number): void {
    this.disk.check(this.boot)
    this.disk.truncate(this.inode, length)
  }

  size(): number {
    return this.inode.live.length
  }

  sync(): Promise<void> {
    this.disk.check(this.boot)
    return this.disk.sync(this.inode)
  }

  close(): void {}
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated`), { code })
}

/** A file's content after a change; a write past the end leaves zeros between. */
function changed(content: Buffer, change: Change): Buffer {
  if ('truncateTo' in change) {
    const cut = Buffer.alloc(change.truncateTo)
    content.copy(cut)
    return cut
  }
  const { at, bytes } = change
  const into = Buffer.alloc(Math.max(content.length, at + bytes.length))
  content.copy(into)
  bytes.copy(into, at)
  return into
}

function sectors({ at, bytes }: { at: number; bytes: Buffer }) {
  const parts: { at: number; bytes: Buffer }[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(bytes.length, start + SECTOR - ((at + start) % SECTOR))
    parts.push({ at: at + start, bytes: bytes.subarray(start, end) })
    start = end
  }
  return parts
}
