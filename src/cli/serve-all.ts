import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AlreadyRunning, startStack } from '../local/stack.ts'
import { portOf } from '../runtime/config.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { createClient } from './client.ts'
import { exampleBook, importExample } from './example.ts'

/** Everything on this machine: services, API and worker, and on the first start the example book. */
export const serveAll = async ({ example }: { example: boolean }): Promise<void> => {
  const directory = resolve(process.env['DAYBOOK_DIRECTORY'] ?? '.daybook')
  const giveUp = new AbortController()
  const stopping = stopSignal().then(() => giveUp.abort())
  const stack = await startStack({
    directory,
    port: portOf(process.env['PORT'] ?? '3000', 'PORT'),
    host: process.env['HOST'] ?? '127.0.0.1',
    log: (line) => console.error(line),
    signal: giveUp.signal,
  }).catch((error: unknown) => {
    if (giveUp.signal.aborted) process.exit(0)
    if (!(error instanceof AlreadyRunning)) throw error
    console.log(error.message)
    process.exit(0)
  })
  const { url, environment } = stack
  const email = environment['DAYBOOK_ADMIN_EMAIL'] ?? ''
  const password = environment['DAYBOOK_ADMIN_PASSWORD'] ?? ''
  const marker = join(directory, 'example-imported')
  let bookId: string | null = null
  try {
    const client = createClient({ url, credentials: { email, password }, signal: giveUp.signal })
    if (example && !existsSync(marker)) {
      await importExample(client, exampleBook)
      writeFileSync(marker, `${exampleBook}\n`)
    }
    const found = await client.get(`/v1/books?name=${exampleBook}`)
    bookId = (found.data as { id: string }[])[0]?.id ?? null
  } catch (error) {
    if (!giveUp.signal.aborted) {
      console.error(`The example book could not be imported: ${(error as Error).message}`)
      console.error('The next npm start goes on where this one stopped.')
    }
  }
  if (!giveUp.signal.aborted) console.log(banner({ url, email, password, bookId, directory }))
  await stopping
  console.error('Stopping ...')
  await stack.stop()
  process.exit(0)
}

type Facts = {
  url: string
  email: string
  password: string
  bookId: string | null
  directory: string
}

const banner = ({ url, email, password, bookId, directory }: Facts): string => {
  const login = JSON.stringify({ email, password })
  const path = bookId ? `/v1/books/${bookId}/accounts/Assets:FederalReserve` : '/v1/books'
  return `
  Daybook is running.

  API    ${url}
  Docs   ${url}/docs
  Login  ${email}  ${password}
  Data   ${directory}

  Try it, in another terminal:

TOKEN=$(curl -s ${url}/v1/auth/login -H 'Content-Type: application/json' \\
  -d '${login}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
curl -s -H "Authorization: Bearer $TOKEN" '${url}${path}'

  Ctrl-C stops it.
`
}
