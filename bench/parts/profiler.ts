import { readFileSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { profileName } from './profile-name.ts'

// Loaded before a program that is to be profiled: SIGUSR2 starts a profile, and again ends it.

const folder = process.env['BENCH_PROFILES'] ?? '.'
const program = process.env['BENCH_PROGRAM'] ?? 'program'
let session: Session | undefined
let name = ''

const start = async (): Promise<void> => {
  session = new Session()
  name = readFileSync(profileName(folder), 'utf8')
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
}

const end = async (ended: Session): Promise<void> => {
  session = undefined
  const { profile } = await ended.post('Profiler.stop')
  ended.disconnect()
  writeFileSync(join(folder, `${name} ${program}.cpuprofile`), JSON.stringify(profile))
}

process.on('SIGUSR2', () => void (session ? end(session) : start()))
