import { Command } from 'commander'
import { exampleCommand } from './cli/example.ts'
import { exportCommand } from './cli/export.ts'
import { importCommand } from './cli/import.ts'
import { loginCommand } from './cli/login.ts'
import { projectionsCommand } from './cli/projections.ts'
import { rebuildCommand } from './cli/rebuild.ts'
import { reportFailure } from './cli/report-failure.ts'
import { serveCommand } from './cli/serve.ts'
import { storeCommand } from './cli/store.ts'
import { verifyCommand } from './cli/verify.ts'
import { version } from './version.ts'

const program = new Command('daybook')
  .description('An event-sourced double-entry ledger.')
  .version(version)
  .addCommand(serveCommand)
  .addCommand(importCommand)
  .addCommand(exportCommand)
  .addCommand(exampleCommand)
  .addCommand(rebuildCommand)
  .addCommand(projectionsCommand)
  .addCommand(loginCommand)
  .addCommand(verifyCommand)
  .addCommand(storeCommand)
  .showHelpAfterError('Run with --help to see what there is.')

await program.parseAsync().catch(reportFailure)
