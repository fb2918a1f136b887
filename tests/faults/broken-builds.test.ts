import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { testDirectory } from '../support/services.ts'
import { breakBuild, brokenBuilds } from './broken-builds.ts'

const dist = fileURLToPath(new URL('../..', import.meta.url))

/** They are run on demand; code that moves must not take them away unnoticed. */
describe('what is taken out of a broken build is there to be taken out:', () => {
  for (const build of brokenBuilds) {
    it(build.name, () => {
      assert.ok(existsSync(breakBuild(dist, join(testDirectory('broken'), 'build'), build)))
    })
  }
})
