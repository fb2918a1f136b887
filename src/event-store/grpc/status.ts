/** The gRPC status codes that the store answers with. */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type StatusCode = (typeof Status)[keyof typeof Status]

/** How a call fails: a status, a message for people, and trailers for the client. */
export class CallError extends Error {
  readonly code: StatusCode
  readonly trailers: Record<string, string>

  constructor(code: StatusCode, message: string, trailers: Record<string, string> = {}) {
    super(message)
    this.name = 'CallError'
    this.code = code
    this.trailers = trailers
  }
}

/** Percent-encodes what may not stand in a `grpc-message`. */
export function encodeGrpcMessage(message: string): string {
  return Array.from(Buffer.from(message), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}
