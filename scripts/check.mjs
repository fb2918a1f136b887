import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root, runScript } from './prepare.mjs'

/** In the order of what fails soonest. Each answers what is wrong, or nothing. */
const CHECKS = {
  'the lockfile fits package.json and installs': lockfile,
  'no tracked file names a package registry': registryHosts,
  'formatting and import order': () => tool('@biomejs/biome/bin/biome', ['check', '--colors=off']),
  types: () => tool('typescript/bin/tsc', ['--noEmit', '--incremental', 'false']),
  'lint, with types': lint,
  'import boundaries': boundaries,
  'no dead code': () => tool('knip/bin/knip.js', ['--no-progress', '--no-config-hints']),
}

await runScript(async () => {
  await install()
  let failed = 0
  for (const [name, check] of Object.entries(CHECKS)) {
    const start = performance.now()
    const problem = check()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(`${problem ? '✖' : '✔'} ${name} (${seconds} s)`)
    if (!problem) continue
    failed += 1
    console.log(`\n${problem.trimEnd().replace(/^/gm, '    ')}\n`)
  }
  console.log(`\n${Object.keys(CHECKS).length - failed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
})

/** oxlint without its type information reports nothing of what needs it, so we count its files. */
function lint() {
  const args = ['--type-aware', '--deny-warnings', '--format=json']
  const { status, stdout, stderr } = node('oxlint/bin/oxlint', args)
  const report = parsed(stdout)
  if (!report) return stdout + stderr
  const problems = report.diagnostics.map(({ message, code, filename, labels, help }) => {
    const { line, column } = labels[0]?.span ?? {}
    return `${filename}:${line}:${column} ${message} (${code})${help ? `\n  ${help}` : ''}`
  })
  if (problems.length > 0 || status !== 0) return `${problems.join('\n')}\n${stderr}`
  const missing = sources().length - report.number_of_files
  return missing > 0
    ? `It looked at ${report.number_of_files} files, ${missing} too few.`
    : undefined
}

/** A compiler that the tool does not understand makes it look at nothing, and be content. */
function boundaries() {
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src']
  const { stdout, stderr } = node('dependency-cruiser/bin/dependency-cruise.mjs', args)
  const report = parsed(stdout)
  if (!report) return stdout + stderr
  const { violations } = report.summary
  if (violations.length > 0) {
    return violations.map(({ from, to, rule }) => `${from} imports ${to} (${rule.name})`).join('\n')
  }
  const seen = new Set(report.modules.map(({ source }) => source))
  const missed = sources().filter((file) => file.startsWith('src/') && !seen.has(file))
  if (missed.length > 0) return `It did not look at:\n${missed.join('\n')}`
  return seen.size > 0 ? undefined : 'It looked at no module at all.'
}

function lockfile() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const strange = Object.values(packages).filter(({ resolved }) => {
    return resolved && !resolved.startsWith(`https://${PUBLIC_REGISTRY}/`)
  })
  if (strange.length > 0) {
    const from = strange.map(({ resolved }) => resolved).join('\n')
    return `Others cannot reach the registry of these; npm install again without it:\n${from}`
  }
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm']
  const flags = ['ci', '--dry-run', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status, stdout, stderr } = run(npm[0], [...npm.slice(1), ...flags])
  return status === 0 ? undefined : stdout + stderr
}

const PUBLIC_REGISTRY = ['registry', 'npmjs', 'org'].join('.')

/** A file that names one works only for whoever can reach that one. */
function registryHosts() {
  const pattern = '(https?:)?//[a-z0-9.-]*(registry|npmjs|verdaccio|artifactory|nexus)[a-z0-9.-]*'
  const args = ['grep', '-nIiE', pattern, '--', '.', ':!package-lock.json']
  const { status, stdout, stderr } = run('git', args)
  return status === 1 ? undefined : stdout + stderr
}

function sources() {
  const { stdout } = run('git', ['ls-files', 'src', 'tests', 'bench'])
  return stdout.split('\n').filter((file) => /\.(ts|mjs)$/.test(file))
}

function tool(path, args) {
  const { status, stdout, stderr } = node(path, args)
  return status === 0 ? undefined : stdout + stderr || `${path} ended with ${status}`
}

function node(path, args) {
  return run(process.execPath, [join(root, 'node_modules', path), ...args])
}

function run(program, args) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 }
  const { status, stdout, stderr, error } = spawnSync(program, args, options)
  return { status, stdout: stdout ?? '', stderr: stderr || (error ? `${error.message}\n` : '') }
}

function parsed(json) {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
