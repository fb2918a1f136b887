import { prepare, runScript } from './prepare.mjs'

await runScript(prepare)
