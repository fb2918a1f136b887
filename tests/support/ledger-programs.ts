import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { libraryPath, unpackedFromDebian } from '../../src/local/debian-packages.ts'
import { testDirectory } from './services.ts'

type Program = { readonly path: string; readonly environment: Readonly<Record<string, string>> }

/** Decimal balances, debits above zero, as `account currency`. */
export type Balances = ReadonlyMap<string, string>

/** Two programs that know nothing of us, and read the same journals. */
export type LedgerPrograms = {
  /** Of what is posted and dated before a day. */
  readonly balances: (
    program: 'hledger' | 'ledger',
    journal: string,
    before: string,
  ) => Promise<Balances>
  /** What `hledger check` has against a journal; nothing, if it is content. */
  readonly check: (journal: string, what: string) => Promise<string>
}

let found: Promise<LedgerPrograms | string> | undefined

/** From PATH, else unpacked from Debian's packages; else why they cannot be had. */
export const findLedgerPrograms = (): Promise<LedgerPrograms | string> => {
  found ??= Promise.all([findProgram('hledger'), findProgram('ledger')]).then(
    ([hledger, ledger]) => programs(hledger, ledger),
    (error: Error) => error.message,
  )
  return found
}

const findProgram = async (name: string): Promise<Program> => {
  const installed = { path: name, environment: {} }
  if (runs(installed)) return installed
  const unpacked = (root: string): Program => {
    return { path: join(root, 'usr', 'bin', name), environment: libraryPath(root) }
  }
  const works = (root: string) => runs(unpacked(root))
  const scratch = testDirectory(name)
  return unpacked(await unpackedFromDebian(name, scratch, { packages: [name], works }))
}

const environmentOf = ({ environment }: Program) => ({
  ...process.env,
  ...environment,
  LC_ALL: 'C.UTF-8',
})

const runs = (program: Program): boolean =>
  spawnSync(program.path, ['--version'], { env: environmentOf(program) }).status === 0

const programs = (hledger: Program, ledger: Program): LedgerPrograms => ({
  balances: async (program, journal, before) => {
    if (program === 'hledger') {
      const what = ['bal', '--cleared', '--flat', '--no-total', '--layout=bare']
      const output = await run(hledger, ['-f', journal, ...what, '-O', 'csv', '-e', before])
      const rows: { account: string; commodity: string; balance: string }[] = parse(output, {
        columns: true,
      })
      return new Map(
        rows.map(({ account, commodity, balance }) => [`${account} ${commodity}`, balance]),
      )
    }
    // Of each account alone: a balance of its own may be hidden where those below it make it zero.
    const own = ['--empty', '--format', '%(account)\\t%(scrub(display_amount))\\n']
    const what = ['bal', '--cleared', '--flat', '--no-total', ...own, '-e', before]
    return readLedger(await run(ledger, ['-f', journal, '--args-only', ...what]))
  },
  check: (journal, what) => run(hledger, ['-f', journal, 'check', what]),
})

/** One line a currency; the account stands on the first of its lines. */
const readLedger = (output: string): Balances => {
  const balances = new Map<string, string>()
  let account = ''
  for (const line of output.trimEnd().split('\n')) {
    const [first, amount = first ?? ''] = line.split('\t')
    if (amount !== first) account = first ?? ''
    if (amount === '0' || amount === '') continue
    const [, number = '', currency = ''] = /^(-?[\d.]+) "?([A-Z][A-Z0-9]*)"?$/.exec(amount) ?? []
    assert.ok(number && account, `ledger says "${line}"`)
    balances.set(`${account} ${currency}`, number)
  }
  return balances
}

const run = (program: Program, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program.path, args, { env: environmentOf(program) })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${program.path} ${args.join(' ')}: ${errors.slice(0, 2_000)}`))
    })
  })
