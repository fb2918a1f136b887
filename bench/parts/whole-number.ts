/** Of an option on the command line; ends the process where it is none within these limits. */
export const wholeNumber = (
  option: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  console.error(`--${option} ${text} will not do: give a whole number from ${least} to ${most}.`)
  process.exit(1)
}
