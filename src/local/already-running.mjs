// @ts-check
// Plain JavaScript, because scripts/ needs it before anything is installed or compiled.

import { lockHolder } from './lock.mjs'

/** The purpose of the lock that a running Daybook has on its data folder. */
export const STACK_LOCK = 'stack'

/**
 * What to tell whoever starts Daybook on a data folder that is in use; undefined when it is free.
 * @param {string} directory
 * @returns {Promise<string | undefined>}
 */
export async function alreadyRunning(directory) {
  const holder = await lockHolder(STACK_LOCK, directory)
  if (!holder) return undefined
  const { pid, url, ready } = holder
  const place = url ? `: ${url}` : ''
  return ready
    ? `Daybook is already running${place} (process ${pid}; to stop it: kill ${pid})`
    : `Daybook is already being started${place} (process ${pid}; to stop it: kill ${pid})`
}
