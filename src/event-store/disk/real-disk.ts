import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'
import { lockDirectory } from './lock-directory.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants
const FLAGS = { read: O_RDONLY, write: O_RDWR, create: O_RDWR | O_CREAT | O_EXCL }

/** A directory of the file system. Makes it (readable by its owner alone) if it is not there. */
export function realDisk(directory: string): Disk {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = (name: string) => join(directory, name)
  return {
    list: () => fs.readdirSync(directory),
    open: (name, mode) => new RealFile(fs.openSync(path(name), FLAGS[mode], 0o600)),
    remove: (name) => fs.rmSync(path(name)),
    rename: (from, to) => fs.renameSync(path(from), path(to)),
    syncDirectory: () => {
      const descriptor = fs.openSync(directory, O_RDONLY)
      try {
        fs.fsyncSync(descriptor)
      } finally {
        fs.closeSync(descriptor)
      }
    },
    lock: () => lockDirectory(directory),
  }
}

class RealFile implements DiskFile {
  private readonly descriptor: number

  constructor(descriptor: number) {
    this.descriptor = descriptor
  }

  read(into: Buffer, offset: number): number {
    let done = 0
    while (done < into.length) {
      const read = fs.readSync(this.descriptor, into, done, into.length - done, offset + done)
      if (read === 0) break
      done += read
    }
    return done
  }

  write(from: Buffer, offset: number): void {
    let done = 0
    while (done < from.length) {
      done += fs.writeSync(this.descriptor, from, done, from.length - done, offset + done)
    }
  }

  truncate(length: number): void {
    fs.ftruncateSync(this.descriptor, length)
  }

  size(): number {
    return fs.fstatSync(this.descriptor).size
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  close(): void {
    fs.closeSync(this.descriptor)
  }
}
