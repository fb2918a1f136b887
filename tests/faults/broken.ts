import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { breakBuild, brokenBuilds } from './broken-builds.ts'
import { runFaults } from './run.ts'

/** `npm run soak:broken -- --seconds 40 --seed 1 no-fsync`: each build has to be caught. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})

const dist = fileURLToPath(new URL('../..', import.meta.url))
const chosen = brokenBuilds.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
)
if (chosen.length === 0) throw new Error(`none is called ${positionals.join(', ')}`)
let escaped = 0
for (const build of chosen) {
  const directory = mkdtempSync(join(tmpdir(), `daybook-broken-${build.name}-`))
  const main = breakBuild(dist, join(directory, 'build'), build)
  const { report } = await runFaults({
    seed: Number(values.seed),
    apis: 2,
    load: { clients: 12, pauseMs: 300 },
    minutes: Number(values.seconds) / 60,
    longestMs: 20_000,
    focus: build.focus,
    patience: { recovery: build.recoveryMs ?? 4_000, answers: 15_000, caughtUp: 12_000 },
    directory: join(directory, 'data'),
    main,
    say: () => {},
  })
  const kinds = new Map<string, number>()
  for (const failure of report.failures) {
    const kind = failure.slice(0, failure.indexOf(':'))
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const isCaught = build.caughtBy.some((kind) => kinds.has(kind))
  if (!isCaught) escaped++
  const counts = [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')
  console.log(`${isCaught ? '✔ caught ' : '✖ ESCAPED'} ${build.name}: ${counts || 'no failure'}`)
  const telling = report.failures.find((failure) =>
    build.caughtBy.some((kind) => failure.startsWith(`${kind}:`)),
  )
  if (telling) console.log(`    ${telling.slice(0, 240)}`)
  if (values.keep) console.log(`    data, logs and build are kept in ${directory}`)
  else rmSync(directory, { recursive: true, force: true })
}
console.log(`${chosen.length - escaped} of ${chosen.length} broken builds are caught`)
process.exit(escaped === 0 ? 0 : 1)
