import type { Call } from '../grpc/call.ts'

const FULL = 64 * 1024

/** Gathers messages, so that many leave in one write, and waits for readers that are slow. */
export class Outbox {
  private readonly call: Call
  private parts: Buffer[] = []
  private size = 0

  constructor(call: Call) {
    this.call = call
  }

  add(framed: Buffer): void {
    this.parts.push(framed)
    this.size += framed.length
  }

  get isFull(): boolean {
    return this.size >= FULL
  }

  /** Sends what was gathered. Resolves when there is room for more. */
  async flush(): Promise<void> {
    if (this.size === 0) return
    const bytes = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts, this.size)
    this.parts = []
    this.size = 0
    if (bytes !== undefined && !this.call.send(bytes)) await this.call.drained()
  }
}
