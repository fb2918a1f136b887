import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { SetupProblem } from './setup-problem.ts'

/** What `secrets.json` holds, by the names of the variables that it fills. */
const GENERATED = {
  DAYBOOK_JWT_SECRET: () => randomBytes(32).toString('hex'),
  DAYBOOK_FINGERPRINT_SECRET: () => randomBytes(32).toString('hex'),
  DAYBOOK_ADMIN_EMAIL: () => 'admin@daybook.local',
  DAYBOOK_ADMIN_PASSWORD: () => randomBytes(10).toString('hex'),
} as const

export type Secrets = Readonly<Record<keyof typeof GENERATED, string>>

/**
 * The secrets of a data folder, made on the first start and kept in `secrets.json`, which only its
 * owner can read. A variable that is set in the environment wins.
 */
export function localSecrets(directory: string): Secrets {
  const file = join(directory, 'secrets.json')
  const known = existsSync(file) ? readSecrets(file) : {}
  const secrets = { ...known }
  for (const [name, generate] of Object.entries(GENERATED)) secrets[name] ??= generate()
  if (Object.keys(secrets).length > Object.keys(known).length) writeSecrets(file, secrets)
  const names = Object.keys(GENERATED)
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? secrets[name]])) as {
    [name in keyof typeof GENERATED]: string
  }
}

function readSecrets(file: string): Record<string, string> {
  const text = readFileSync(file, 'utf8')
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed && Object.values(parsed).every(isText)) {
      return { ...parsed }
    }
  } catch {
    // Told below, together with what is valid JSON and yet no secrets.
  }
  throw new SetupProblem(
    `${file} is damaged: it has to be a JSON object of strings.\n` +
      'Bring it back from a backup. Without it, retried requests and tokens are no longer\n' +
      'recognised; to go on all the same, remove the file and new secrets are made.',
  )
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0
}

/** Whole or not at all, also when the machine stops: these cannot be made a second time. */
function writeSecrets(file: string, secrets: Record<string, string>): void {
  const descriptor = openSync(`${file}.new`, 'w', 0o600)
  writeSync(descriptor, `${JSON.stringify(secrets, null, 2)}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  renameSync(`${file}.new`, file)
}
