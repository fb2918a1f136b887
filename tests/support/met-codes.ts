import { rejections } from '../../src/domain/rejection.ts'

const met = new Set<string>()

/** Notes that a request was refused with this code, whoever refused it. */
export const meetCode = (code: string): void => {
  met.add(code)
}

/** Codes of the whole table that no test of this run has met. */
export const unmetCodes = (): string[] => Object.keys(rejections).filter((code) => !met.has(code))
