import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { tableOf } from './report.ts'
import { runFaults } from './run.ts'

/**
 * `npm run soak -- --minutes 30 --seed 7 --report soak.json --keep`, or until so many commands were
 * given: `npm run soak -- --apis 4 --clients 64 --commands 100000`. Faults last at most `--longest`
 * seconds, with at most `--calm` seconds before each. A client pauses for `--pause` ms between two
 * requests; `--reads 0.2` is a fifth of the usual reads.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    apis: { type: 'string', default: '2' },
    clients: { type: 'string', default: '12' },
    pause: { type: 'string' },
    reads: { type: 'string', default: '1' },
    commands: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    longest: { type: 'string', default: '30' },
    calm: { type: 'string', default: '1.2' },
    report: { type: 'string', default: 'soak-report.json' },
    main: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})

// Every message passes through this process: else its receiver, woken, would interrupt it each time.
spawnSync('chrt', ['--batch', '--pid', '0', String(process.pid)])

const directory = mkdtempSync(join(tmpdir(), 'daybook-soak-'))
mkdirSync(directory, { recursive: true })
const main = values.main ?? fileURLToPath(new URL('../../src/main.js', import.meta.url))
const { report } = await runFaults({
  seed: Number(values.seed),
  apis: Number(values.apis),
  load: {
    clients: Number(values.clients),
    pauseMs: Number(values.pause ?? (values.commands === undefined ? 300 : 20)),
    reads: Number(values.reads),
    commands: values.commands === undefined ? undefined : Number(values.commands),
  },
  minutes: Number(values.minutes ?? (values.commands === undefined ? 30 : 24 * 60)),
  longestMs: Number(values.longest) * 1_000,
  calmMs: Number(values.calm) * 1_000,
  directory,
  main,
  say: (line) => console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`),
})
writeFileSync(values.report, `${JSON.stringify(report, null, 2)}\n`)
console.log(`\n${tableOf(report.recovery)}\n`)
console.log(`${report.faults.total} faults, checked ${JSON.stringify(report.checked)}`)
console.log(`ms until visible: ${JSON.stringify(report['ms until visible, at the end'])}`)
console.log(`forwards: ${JSON.stringify(report['forwards since the last start'])}`)
for (const failure of report.failures.slice(0, 40)) console.log(`✖ ${failure}`)
console.log(`seed ${report.seed}: ${report.failures.length} failures; see ${values.report}`)
if (values.keep || !report.passed) console.log(`data and logs are kept in ${directory}`)
else rmSync(directory, { recursive: true, force: true })
process.exit(report.passed ? 0 : 1)
