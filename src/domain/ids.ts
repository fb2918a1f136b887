import { hash } from 'node:crypto'

/** A UUID (version 8, RFC 9562) that follows from its parts: the same parts, the same id. */
export const derivedId = (...parts: readonly string[]): string => {
  const hex = hash('sha256', JSON.stringify(parts), 'hex')
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3)
  const versioned = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}`
  return `${versioned}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
