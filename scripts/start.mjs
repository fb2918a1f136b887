import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { alreadyRunning } from '../src/local/already-running.mjs'
import { portProblem } from '../src/local/ports.mjs'
import { Problem, prepare, root, runScript } from './prepare.mjs'

// What can be known before anything is installed is told before anything is installed.
await runScript(async () => {
  const directory = resolve(process.env.DAYBOOK_DIRECTORY || join(root, '.daybook'))
  const running = await alreadyRunning(directory)
  if (running) {
    console.log(running)
    return 0
  }
  const problem = await portProblem(wantedPort(), process.env.HOST || '127.0.0.1')
  if (problem) throw new Problem(problem)
  await prepare()
  process.env.DAYBOOK_DIRECTORY = directory
  const main = join(root, 'dist', 'src', 'main.js')
  // In this same process, so that signals and the exit code are Daybook's own.
  process.argv = [process.execPath, main, 'serve', 'all', ...process.argv.slice(2)]
  process.setSourceMapsEnabled(true)
  await import(pathToFileURL(main).href)
  return undefined
})

function wantedPort() {
  const text = process.env.PORT || '3000'
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65535) return port
  throw new Problem(`PORT is "${text}". It has to be a number up to 65535: PORT=3001 npm start`)
}
