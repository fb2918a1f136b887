export const formats = ['hledger', 'csv', 'ndjson'] as const
export type Format = (typeof formats)[number]
