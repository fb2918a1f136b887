import { writeFileSync } from 'node:fs'
import { rejectionDocs } from './rejection-docs.ts'

writeFileSync(new URL('../../../docs/rejections.md', import.meta.url), rejectionDocs())
