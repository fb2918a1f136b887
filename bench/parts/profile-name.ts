import { join } from 'node:path'

/** The file by which profilers are told what is being measured. */
export const profileName = (folder: string): string => join(folder, 'name')
