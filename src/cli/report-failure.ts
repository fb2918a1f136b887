import { SetupProblem } from '../local/setup-problem.ts'
import { ConfigError } from '../runtime/config.ts'

/** Something that the user of the command line can mend: told in words, without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError'
}

const told = [UserError, SetupProblem, ConfigError]

/** Ends the process with what went wrong. Only what is our fault comes with a stack. */
export const reportFailure = (error: unknown): never => {
  const isTold = told.some((type) => error instanceof type)
  const { message, stack } = error as Error
  console.error(`\n${isTold ? message : (stack ?? message)}\n`)
  process.exit(1)
}
