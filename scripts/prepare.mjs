// Built-ins only: this runs in a fresh clone, before anything is installed.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { leash } from '../src/local/leash.mjs'
import { withLock } from '../src/local/lock.mjs'

export const root = resolve(import.meta.dirname, '..')

const SOURCES = ['src', 'tests', 'bench']
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const BUILT = join(root, 'dist')

/** What its user can mend; the message says how. */
export class Problem extends Error {}

/**
 * Runs a script's main function and turns what it throws into a message and an exit code.
 * @param {() => Promise<number | void>} main answers the exit code
 */
export async function runScript(main) {
  try {
    requireNode()
    process.chdir(root)
    endWithNpm()
    const exitCode = await main()
    if (exitCode !== undefined) process.exitCode = exitCode
  } catch (error) {
    console.error(`\n✖ ${error instanceof Problem ? error.message : error.stack}\n`)
    process.exitCode = 1
  }
}

/** Installs the packages and compiles the sources, each only where something changed. */
export async function prepare() {
  await alone(async () => {
    await installPackages()
    await build()
  })
}

/** The packages alone. */
export async function install() {
  await alone(installPackages)
}

async function alone(work) {
  const waiting = ({ pid }) => say(`Waiting for process ${pid}, which prepares this folder already`)
  await withLock('prepare', root, waiting, work)
}

/** npm passes signals on, but nobody tells us when npm itself is killed. */
function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 500).unref()
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Problem(
    `Daybook needs Node 20.19 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
      '  Install a newer one: https://nodejs.org/en/download',
  )
}

async function installPackages() {
  const stamp = join(root, 'node_modules', '.daybook-install')
  const wanted = `${digest(['package-lock.json', 'package.json'])} ${process.version} ${process.arch}`
  if (readIfThere(stamp) === wanted) return
  say('Installing packages (the first time this takes a while) ...')
  const flags = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const [program, ...args] = npm()
  const { status, error } = await run(program, [...args, 'ci', ...flags])
  if (status !== 0) {
    throw new Problem(
      `The packages could not be installed: npm ${error ? error.message : `ended with ${status}`}, ` +
        'and says why above.\n' +
        '  Offline or behind a proxy? npm config set proxy http://..., or npm config set registry ...\n' +
        '  Not your folder? Clone Daybook into one that you may write to.',
    )
  }
  writeFileSync(stamp, wanted)
}

async function build() {
  const sources = SOURCES.flatMap((folder) => filesBelow(join(root, folder)))
  const compiled = sources.filter((file) => /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts'))
  const stamp = join(BUILT, '.daybook-build')
  const wanted = digest([...compiled, 'tsconfig.json', 'package-lock.json'])
  const outputs = new Set(compiled.map(output))
  if (readIfThere(stamp) === wanted && [...outputs].every((file) => existsSync(file))) return
  say('Compiling ...')
  removeStale(outputs)
  const { status } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')])
  if (status !== 0) throw new Problem('The sources do not compile; the errors are above.')
  writeFileSync(stamp, wanted)
}

/** A removed source must not live on as the compiled file that it left behind. */
function removeStale(outputs) {
  const files = filesBelow(BUILT)
  for (const file of files) {
    if (/\.m?js$/.test(file) && !outputs.has(file)) {
      rmSync(file)
      rmSync(`${file}.map`, { force: true })
    }
  }
  // The compiler trusts its notes about what it wrote, even where that has gone.
  if ([...outputs].every((file) => existsSync(file))) return
  for (const file of files.filter((name) => name.endsWith('.tsbuildinfo'))) rmSync(file)
}

function output(source) {
  return join(BUILT, source.slice(root.length)).replace(/\.(m?)ts$/, '.$1js')
}

function npm() {
  const path = process.env.npm_execpath
  return path?.endsWith('npm-cli.js') ? [process.execPath, path] : ['npm']
}

/** Runs a program to its end. When we are told to stop meanwhile, it is stopped first. */
function run(program, args) {
  const command = [...leash('TERM'), program, ...args]
  return new Promise((resolvePromise) => {
    // npm's own output goes to stderr, so that stdout stays what the script prints.
    const child = spawn(command[0], command.slice(1), { cwd: root, stdio: ['ignore', 2, 2] })
    let stopped
    const stop = (signal) => {
      stopped = signal
      child.kill(signal)
    }
    const done = (result) => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop)
      if (stopped) process.kill(process.pid, stopped)
      else resolvePromise(result)
    }
    for (const signal of STOP_SIGNALS) process.on(signal, stop)
    child.once('error', (error) => done({ status: undefined, error }))
    child.once('exit', (status) => done({ status }))
  })
}

function digest(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(resolve(root, file)))
  return hash.digest('hex')
}

function filesBelow(folder) {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true }).map((name) => join(folder, name))
  return names.filter((file) => statSync(file).isFile()).sort()
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function say(text) {
  console.error(text)
}
