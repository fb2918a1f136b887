import { ConfigError } from './config.ts'
import type { Logger } from './log.ts'

export type Span = {
  readonly name: string
  /** Of a W3C Trace Context, if the caller sent one. */
  readonly traceparent?: string | undefined
  readonly seconds: number
  readonly attributes: Readonly<Record<string, string | number>>
}

/** Tells that something has just ended, and how long it took. */
export type Tell = (span: Span) => void

type Sdk = { readonly start: () => void; readonly shutdown: () => Promise<void> }
type Tracer = {
  readonly startSpan: (
    name: string,
    options: { startTime: number; attributes: Span['attributes'] },
    context: unknown,
  ) => { readonly end: (time: number) => void }
}
type Api = {
  readonly ROOT_CONTEXT: unknown
  readonly propagation: { readonly extract: (context: unknown, carrier: object) => unknown }
  readonly trace: { readonly getTracer: (name: string) => Tracer }
}

/** Not among our dependencies: with all that it needs it is half as large as all of them. */
const load = async <Module>(name: string): Promise<Module> => {
  try {
    return (await import(name)) as Module
  } catch (error) {
    const install = 'npm install --no-save @opentelemetry/sdk-node@0.223 @opentelemetry/api@1.9'
    throw new ConfigError(
      `OTEL_EXPORTER_OTLP_ENDPOINT is set, and ${name} is not there. Run: ${install}`,
      {
        cause: error,
      },
    )
  }
}

/**
 * OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to. The SDK reads the rest of its
 * own environment variables itself. Without it nobody is told anything.
 */
export const startTelemetry = async (
  service: string,
  endpoint: string | undefined,
  log: Logger,
): Promise<{ readonly tell: Tell | null; readonly stop: () => Promise<void> }> => {
  if (!endpoint) return { tell: null, stop: async () => {} }
  const { NodeSDK } = await load<{ NodeSDK: new (options: object) => Sdk }>(
    '@opentelemetry/sdk-node',
  )
  const { trace, propagation, ROOT_CONTEXT } = await load<Api>('@opentelemetry/api')
  const sdk = new NodeSDK({ serviceName: `daybook-${service}`, instrumentations: [] })
  sdk.start()
  const tracer = trace.getTracer('daybook')
  log.info({ endpoint }, 'spans go to OpenTelemetry')
  return {
    tell: ({ name, traceparent, seconds, attributes }) => {
      const end = Date.now()
      const options = { startTime: end - seconds * 1000, attributes }
      const parent = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT
      tracer.startSpan(name, options, parent).end(end)
    },
    stop: () =>
      sdk.shutdown().catch((error: unknown) => log.warn({ err: error }, 'spans were lost')),
  }
}
