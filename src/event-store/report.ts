export type Level = 'info' | 'warn' | 'error'

/** How the store tells its operator what it found. */
export type Report = (level: Level, message: string, details?: object) => void
