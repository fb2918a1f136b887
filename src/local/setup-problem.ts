/** Something about this machine that its user can mend: the message says what is wrong and how. */
export class SetupProblem extends Error {
  override name = 'SetupProblem'
}
