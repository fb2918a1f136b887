/** Minor units, without sign, as a decimal number: `1250` with exponent 2 is `12.50`. */
export const toDecimal = (units: string, exponent: number): string => {
  if (exponent === 0) return units
  const digits = units.padStart(exponent + 1, '0')
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}
