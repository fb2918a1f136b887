import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UserError } from '../report-failure.ts'

/** The text of a file, unpacked if its name ends in `.gz`. */
export const openFile = async (path: string): Promise<Readable> => {
  await access(path).catch(() => {
    throw new UserError(`${path} is not there or cannot be read.`)
  })
  const file = createReadStream(path)
  // A failure of either part reaches whoever reads the result.
  return path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file
}
