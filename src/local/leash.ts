import { spawnSync } from 'node:child_process'

let works: boolean | undefined

/**
 * A command prefix that makes the kernel send `signal` to the process when its parent ends, however
 * it ends. Empty where util-linux's setpriv is missing; the next start then clears up instead.
 */
export function leash(signal: 'INT' | 'TERM' | 'KILL'): readonly string[] {
  works ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0
  return works ? ['setpriv', '--pdeathsig', signal] : []
}
