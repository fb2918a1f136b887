import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { testDirectory } from '../support/services.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const CONFIGURATION = ['tsconfig.json', 'package.json', '.oxlintrc.json', '.dependency-cruiser.cjs']

describe('the linter', () => {
  it('catches a promise that nobody waits for', () => {
    const folder = project({
      'src/forgets.ts': 'const save = async () => 1\nexport const run = () => {\n  save()\n}\n',
    })
    const { status, output } = tool(folder, 'oxlint/bin/oxlint', ['--type-aware', 'src'])
    assert.match(output, /no-floating-promises/)
    assert.notEqual(status, 0)
  })
})

describe('the boundaries', () => {
  const refused: [rule: string, folder: string, target: string][] = [
    ['domain-imports', 'domain', 'src/api/route.ts'],
    ['commands-imports', 'commands', 'src/runtime/clock.ts'],
    ['projections-imports', 'projections', 'src/queries/list.ts'],
    ['queries-imports', 'queries', 'src/runtime/postgres.ts'],
    ['api-imports', 'api', 'src/projections/ledger.ts'],
    ['runtime-imports', 'runtime', 'src/api/route.ts'],
    ['event-store-imports', 'event-store', 'src/domain/event.ts'],
    ['local-imports', 'local', 'src/event-store/log.ts'],
    ['only-main-wires', 'runtime', 'src/main.ts'],
    ['known-folders-only', 'helpers', 'src/domain/event.ts'],
    ['product-stands-alone', 'runtime', 'tests/support/services.ts'],
    ['pure-code-stays-pure', 'projections', 'node:fs'],
    ['pure-code-stays-pure', 'domain', 'pg'],
  ]
  const importing = (folder: string, rule: string) => `src/${folder}/${rule}.ts`
  let found: string

  before(function () {
    this.timeout(60_000)
    const files = refused.flatMap(([rule, folder, target]) => {
      const local = target.includes('/')
      const bad = `import * as x from '${local ? '../../' : ''}${target}'\nexport const y = x\n`
      const file: [string, string] = [importing(folder, rule), bad]
      return local ? [file, [target, 'export const x = 1\n'] as const] : [file]
    })
    found = violations(project(Object.fromEntries(files)))
  })

  for (const [rule, folder, target] of refused) {
    it(`refuse that ${folder} imports ${target}`, () => {
      const file = importing(folder, rule)
      const place = target.replace('node:', '(node:)?')
      assert.match(found, new RegExp(`error ${rule}: ${file} → \\S*${place}`))
    })
  }

  it('let through what the design allows', () => {
    const command = "import { sum } from '../domain/sum.ts'\nexport const command = sum\n"
    const domain = 'export const sum = 1\n'
    const folder = project({ 'src/domain/sum.ts': domain, 'src/commands/good.ts': command })
    assert.match(violations(folder), /no dependency violations found \(2 modules/)
  })
})

function project(files: Readonly<Record<string, string>>): string {
  const folder = testDirectory('quality')
  for (const name of CONFIGURATION) copyFileSync(join(ROOT, name), join(folder, name))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

function violations(folder: string): string {
  const args = ['--config', '.dependency-cruiser.cjs', 'src']
  return tool(folder, 'dependency-cruiser/bin/dependency-cruise.mjs', args).output
}

function tool(folder: string, path: string, args: string[]) {
  const command = [join(ROOT, 'node_modules', path), ...args]
  const options = { cwd: folder, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, command, options)
  return { status, output: stdout + stderr }
}
