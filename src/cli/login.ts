import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { createClient } from './client.ts'
import { UserError } from './report-failure.ts'
import { localCredentials, localUrl, saveSession } from './session.ts'

type Options = { url?: string; email?: string; passwordStdin?: boolean; print?: boolean }

/** Asks without showing what is typed. */
const askPassword = async (email: string): Promise<string> => {
  if (!process.stdin.isTTY) {
    throw new UserError('No password: use --password-stdin or set DAYBOOK_PASSWORD.')
  }
  process.stderr.write(`Password of ${email}: `)
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const prompt = createInterface({ input: process.stdin, output, terminal: true })
  const password = await prompt.question('')
  prompt.close()
  process.stderr.write('\n')
  return password
}

const credentialsOf = async ({ email, passwordStdin }: Options) => {
  const address = email ?? process.env['DAYBOOK_EMAIL']
  if (!address) {
    const local = localCredentials()
    if (local) return local
    throw new UserError('Whose login? Give --email EMAIL.')
  }
  if (passwordStdin) return { email: address, password: (await text(process.stdin)).trimEnd() }
  const password = process.env['DAYBOOK_PASSWORD'] ?? (await askPassword(address))
  return { email: address, password }
}

export const loginCommand = new Command('login')
  .description('Log in, for the commands that follow')
  .option(
    '--url <url>',
    'where Daybook is (DAYBOOK_URL, else where that of the local data folder is)',
  )
  .option('--email <email>', 'whose login; left out: the administrator of the local data folder')
  .option('--password-stdin', 'read the password from standard input')
  .option('--print', 'print the token, and keep nothing')
  .action(async (options: Options) => {
    const given = options.url ?? process.env['DAYBOOK_URL']
    const url = (given ?? (await localUrl())).replace(/\/$/, '')
    const credentials = await credentialsOf(options)
    const { data } = await createClient({ url }).post('/v1/auth/login', credentials)
    const { token, expires_in } = data as { token: string; expires_in: number }
    if (options.print) {
      console.log(token)
      return
    }
    const file = saveSession({ url, token })
    console.log(
      `Logged in to ${url} as ${credentials.email} for ${expires_in / 60} minutes (${file}).`,
    )
  })
