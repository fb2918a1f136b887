// @ts-check
// Plain JavaScript, because scripts/ needs it before anything is installed or compiled.

import { spawnSync } from 'node:child_process'

/** @type {boolean | undefined} */
let works

/**
 * A command prefix that makes the kernel send `signal` to the process when its parent ends, however
 * it ends. Empty where util-linux's setpriv is missing; the next start then clears up instead.
 * @param {'INT' | 'TERM' | 'KILL'} signal
 * @returns {readonly string[]}
 */
export function leash(signal) {
  works ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0
  return works ? ['setpriv', '--pdeathsig', signal] : []
}
