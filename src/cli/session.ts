import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { STACK_LOCK } from '../local/already-running.mjs'
import { lockHolder } from '../local/lock.mjs'
import type { ClientOptions } from './client.ts'
import { UserError } from './report-failure.ts'

type Session = { readonly url: string; readonly token: string }

const file = (): string =>
  join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'daybook', 'session.json')

export const saveSession = (session: Session): string => {
  mkdirSync(dirname(file()), { recursive: true })
  writeFileSync(file(), `${JSON.stringify(session)}\n`, { mode: 0o600 })
  return file()
}

const readJson = (path: string): Record<string, string> => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`)
  }
}

const localFolder = (): string => process.env['DAYBOOK_DIRECTORY'] ?? '.daybook'

/** The e-mail and password of the administrator of a local Daybook, where its data folder is. */
export const localCredentials = (): { email: string; password: string } | undefined => {
  const secrets = join(localFolder(), 'secrets.json')
  if (!existsSync(secrets)) return undefined
  const { DAYBOOK_ADMIN_EMAIL: email, DAYBOOK_ADMIN_PASSWORD: password } = readJson(secrets)
  return email && password ? { email, password } : undefined
}

/** Who to be and where: what the environment says, else the last login, else the local folder. */
export const findSession = async (url: string | undefined): Promise<ClientOptions> => {
  const given = url ?? process.env['DAYBOOK_URL']
  const token = process.env['DAYBOOK_TOKEN']
  const email = process.env['DAYBOOK_EMAIL']
  const password = process.env['DAYBOOK_PASSWORD']
  const local = await localUrl()
  const named = email && password ? { email, password } : undefined
  if (token || named) return { url: given ?? local, token, credentials: named }
  if (existsSync(file())) {
    const session = readJson(file()) as unknown as Session
    if (!given || given === session.url) {
      const credentials = session.url === local ? localCredentials() : undefined
      return { ...session, credentials }
    }
  }
  const credentials = localCredentials()
  if (credentials) return { url: given ?? local, credentials }
  throw new UserError('Not logged in. Run: ./bin/daybook login --url URL --email EMAIL')
}

/** Where the Daybook of the local folder listens or, as long as none runs, would. */
export const localUrl = async (): Promise<string> => {
  const running = await lockHolder(STACK_LOCK, localFolder())
  return running?.url ?? `http://127.0.0.1:${process.env['PORT'] ?? '3000'}`
}
