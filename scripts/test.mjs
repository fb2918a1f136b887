import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Problem, prepare, root, runScript } from './prepare.mjs'

const ALL = 'dist/tests/**/*.test.js'

await runScript(async () => {
  await prepare()
  const { counts, ended } = await runMocha(process.argv.slice(2).map(compiledName))
  const problem = whatWentWrong(counts, ended)
  if (problem) console.error(`\n✖ ${problem}`)
  const failed = counts.finished ? counts.failed : counts.failed + 1
  console.log(`\n${counts.passed} passed, ${failed} failed`)
  return problem ? 1 : 0
})

/** Tests are named by their source: `npm test -- tests/local/lock.test.ts`. */
function compiledName(arg) {
  return /^tests\/.*\.ts$/.test(arg) ? `dist/${arg.replace(/\.ts$/, '.js')}` : arg
}

function runMocha(args) {
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js')
  if (!existsSync(mocha)) throw new Problem('mocha is missing: remove node_modules, and try again.')
  const files = args.some((arg) => arg.startsWith('dist/')) ? [] : [ALL]
  // The reporter tells the counts over the channel; its end tells mocha that we are gone.
  const child = spawn(process.execPath, ['--enable-source-maps', mocha, ...args, ...files], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, DAYBOOK_TESTS: args.length === 0 ? 'all' : 'some' },
  })
  let counts = { passed: 0, failed: 0, finished: false }
  child.on('message', (message) => {
    counts = message
  })
  // Ctrl-C reaches mocha by itself; we stay to report how it ended.
  process.on('SIGINT', () => undefined)
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ counts, ended: signal ?? code }))
  })
}

function whatWentWrong(counts, ended) {
  if (!counts.finished) return `mocha ended (${ended}) before all tests had run.`
  if (counts.failed > 0) return 'There are failures, listed above.'
  if (counts.passed === 0) return 'No test ran. Is the name or the --grep pattern right?'
  return ended === 0 ? undefined : `mocha ended with ${ended}.`
}
