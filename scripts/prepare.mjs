// Built-ins only: this runs in a fresh clone, before anything is installed.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
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
  const files = digest(['package-lock.json', 'package.json'])
  const wanted = `${files} ${process.version} ${process.arch}`
  if (readIfThere(stamp) === wanted && missingPackages().length === 0) return
  say('Installing packages (the first time this takes a while) ...')
  const flags = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  flags.push(...cacheFlags())
  const [program, ...args] = npm()
  const { status, error } = await run(program, [...args, 'ci', ...flags])
  if (status !== 0) {
    throw new Problem(
      `The packages could not be installed: npm ${error?.message ?? `ended with ${status}`}, ` +
        'and says why above.\n' +
        '  Behind a proxy? npm config set proxy http://..., or npm config set registry ...\n' +
        '  Not your folder? Clone Daybook into one that you may write to.',
    )
  }
  const missing = missingPackages()
  if (missing.length > 0) {
    throw new Problem(`npm left out ${missing.join(', ')}. Is another npm at work here? Try again.`)
  }
  writeFileSync(stamp, wanted)
}

function missingPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const needed = Object.keys(packages).filter((path) => path !== '' && !packages[path].optional)
  return needed.filter((path) => !existsSync(join(root, path, 'package.json')))
}

/** A user without a home cannot use npm's cache there. */
function cacheFlags() {
  try {
    const cache = process.env.npm_config_cache ?? join(homedir(), '.npm')
    mkdirSync(cache, { recursive: true })
    accessSync(cache, constants.W_OK)
    return []
  } catch {
    return ['--cache', join(root, '.daybook-cache', 'npm')]
  }
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
  // Asked kindly, an npm without us would tidy up, under the hands of the next one.
  const command = [...leash('KILL'), program, ...args]
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
