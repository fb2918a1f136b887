import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { dirname } from 'node:path'

// Loaded before a program that is to be profiled: SIGUSR2 starts a profile, and again ends it.

const path = process.env['BENCH_PROFILE'] ?? 'profile'
let session: Session | undefined
let count = 0

const start = async (): Promise<void> => {
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
}

const end = async (ended: Session): Promise<void> => {
  session = undefined
  const { profile } = await ended.post('Profiler.stop')
  ended.disconnect()
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}-${++count}.cpuprofile`, JSON.stringify(profile))
}

process.on('SIGUSR2', () => void (session ? end(session) : start()))
