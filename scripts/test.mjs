import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { Problem, prepare, root, runScript } from './prepare.mjs'

const ALL = 'dist/tests/**/*.test.js'

/**
 * In the order in which they run. The first ones need no services and keep a core busy, beside the
 * others, which mostly wait for theirs. What clears `dist` of what is not the build's is among them, for
 * so are those that write mutants there: they come one after the other. The last ones have services of
 * their own, and are here so that both processes take about as long.
 */
const BESIDE = [
  ...['commands', 'contract', 'domain', 'event-store', 'quality'].map(allIn),
  'dist/tests/local/scripts.test.js',
  ...['api', 'cli'].map(allIn),
]

/** So little do they give way to the others, on whose services they must not weigh. */
const BESIDE_PRIORITY = 5

await runScript(async () => {
  await prepare()
  const args = process.argv.slice(2).map(compiledName)
  const runs = args.length === 0 ? await runAll() : [await runSome(args)]
  const failures = runs.flatMap((run) => run.failures)
  if (args.length === 0) failures.push(...unmetBy(runs))
  for (const failure of failures) console.error(`\n✖ ${failure}`)
  const problem = whatWentWrong(runs, failures)
  if (problem) console.error(`\n✖ ${problem}`)
  const passed = runs.reduce((sum, run) => sum + run.passed, 0)
  const unfinished = runs.filter(({ finished }) => !finished)
  console.log(`\n${passed} passed, ${failures.length + unfinished.length} failed`)
  return problem ? 1 : 0
})

function allIn(folder) {
  return `dist/tests/${folder}/**/*.test.js`
}

/** Tests are named by their source: `npm test -- tests/local/lock.test.ts`, or `tests/local`. */
function compiledName(arg) {
  if (/^tests\/.*\.ts$/.test(arg)) return `dist/${arg.replace(/\.ts$/, '.js')}`
  return /^tests\/[\w-]+\/?$/.test(arg) ? allIn(arg.slice('tests/'.length).replace(/\/$/, '')) : arg
}

function runSome(args) {
  const files = args.some((arg) => arg.startsWith('dist/')) ? [] : [ALL]
  return startMocha([...args, ...files]).ended
}

/** Each test in one of two processes. What the one beside has to say is kept until both have ended. */
async function runAll() {
  const rest = startMocha([ALL, ...BESIDE.flatMap((files) => ['--ignore', files])])
  const colour = process.stdout.isTTY ? ['--color'] : []
  const beside = startMocha([...BESIDE, ...colour], 'pipe')
  if (beside.child.pid) setPriority(beside.child.pid, BESIDE_PRIORITY)
  const output = []
  for (const stream of [beside.child.stdout, beside.child.stderr]) {
    stream.on('data', (chunk) => output.push(chunk))
  }
  const runs = await Promise.all([rest.ended, beside.ended])
  process.stdout.write(Buffer.concat(output))
  return runs
}

function startMocha(args, output = 'inherit') {
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js')
  if (!existsSync(mocha)) throw new Problem('mocha is missing: remove node_modules, and try again.')
  // The reporter tells the counts over the channel; its end tells mocha that we are gone.
  const child = spawn(process.execPath, ['--enable-source-maps', mocha, ...args], {
    stdio: ['inherit', output, output, 'ipc'],
  })
  let told = { passed: 0, failures: [], unmet: [], finished: false }
  child.on('message', (message) => {
    told = message
  })
  // Ctrl-C reaches mocha by itself; we stay to report how it ended.
  process.on('SIGINT', () => undefined)
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ ...told, ended: signal ?? code }))
  })
  return { child, ended }
}

/** Every code that a refusal can have must be met, by whichever of the processes. */
function unmetBy(runs) {
  const [first, ...others] = runs.map(({ unmet }) => unmet)
  const unmet = first.filter((code) => others.every((codes) => codes.includes(code)))
  return unmet.length === 0 ? [] : [`refusals that no test has met: ${unmet.join(', ')}`]
}

function whatWentWrong(runs, failures) {
  const broken = runs.find(({ finished }) => !finished)
  if (broken) return `mocha ended (${broken.ended}) before all tests had run.`
  if (failures.length > 0) return 'There are failures, told above.'
  if (runs.every(({ passed }) => passed === 0)) {
    return 'No test ran. Is the name or the --grep pattern right?'
  }
  const failed = runs.find(({ ended }) => ended !== 0)
  return failed && `mocha ended with ${failed.ended}.`
}
