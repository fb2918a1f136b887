import { setTimeout as sleep } from 'node:timers/promises'
import { type Build, liveBuild, type Stage, sourceOf } from '../build.ts'
import { sweep } from '../sweep.ts'
import { copyOtherBooks } from './copy-books.ts'
import { foldPlan, planSchema } from './fill.ts'
import { makeConstraints, makeIndexes } from './finish.ts'
import { goLive } from './go-live.ts'
import { keepReport, type Leased } from './lease.ts'
import { BuildFailed, goOn, type Rebuilding } from './rebuilding.ts'
import { type Report, verify } from './verify.ts'

/** Between two looks at how far a build that catches up is behind. */
const pauseMs = 250

/**
 * Does one stage of a build and says which comes next. Each can be left at any point and done
 * again, by whoever takes the build up: what is there already is found and not made twice.
 */
export const doStage = async (
  rebuilding: Rebuilding,
  { build, kind, books, mayDiffer, keepSeconds }: Leased,
): Promise<Stage> => {
  const { db } = rebuilding
  switch (build.stage) {
    case 'copying': {
      const source = await liveBuild(db, build.projection)
      if (!source || !books) throw new BuildFailed('There is no live build to copy books from.')
      await planSchema(rebuilding, build, await sourceOf(db, build.projection))
      await copyOtherBooks(rebuilding, build, source, books)
      return 'folding'
    }
    case 'folding':
      await planSchema(rebuilding, build, await sourceOf(db, build.projection))
      await foldPlan(rebuilding, build)
      return 'indexing'
    case 'indexing':
      await makeIndexes(rebuilding, build)
      return 'constraining'
    case 'constraining':
      await makeConstraints(rebuilding, build)
      return 'catching_up'
    case 'catching_up': {
      await sweep(rebuilding.projecting, build)
      // Books halt in it that were folded from another log, and are not compared then.
      const live = await liveBuild(db, build.projection)
      if (live) await sweep(rebuilding.projecting, live)
      goOn(rebuilding)
      return 'verifying'
    }
    case 'verifying': {
      const report = await verifyWhenAligned(rebuilding, build, books !== null)
      if (kind === 'diff') return 'done'
      refuseProblems(report, mayDiffer)
      await goLiveWhenAligned(rebuilding, build, keepSeconds)
      return 'live'
    }
    case 'returning':
      await sweep(rebuilding.projecting, build)
      await goLiveWhenAligned(rebuilding, build, keepSeconds)
      return 'live'
    case 'live':
    case 'retired':
    case 'done':
    case 'failed':
    case 'cancelled':
    case 'dropped':
      throw new Error(`nothing is to be done for a build that is ${build.stage}`)
  }
}

/** An order to go live though it differs makes up for no fault of its own. */
const refuseProblems = ({ problems: [first], isSound }: Report, mayDiffer: boolean): void => {
  if (first === undefined || (mayDiffer && isSound)) return
  const hint = isSound ? ' If the new build is right, rebuild with --may-differ (may_differ).' : ''
  throw new BuildFailed(`${first} See the report; the live build is as it was.${hint}`)
}

const verifyWhenAligned = async (
  rebuilding: Rebuilding,
  build: Build,
  isCopied: boolean,
): Promise<Report> => {
  for (;;) {
    const live = await liveBuild(rebuilding.db, build.projection)
    const report = await verify(rebuilding, build, live, isCopied)
    if (report) {
      await keepReport(rebuilding.db, build, report)
      return report
    }
    await catchUp(rebuilding, build)
  }
}

const goLiveWhenAligned = async (
  rebuilding: Rebuilding,
  build: Build,
  keepSeconds: number,
): Promise<void> => {
  for (;;) {
    const live = await liveBuild(rebuilding.db, build.projection)
    if (await goLive(rebuilding, build, live, keepSeconds)) return
    await catchUp(rebuilding, build)
  }
}

const catchUp = async (rebuilding: Rebuilding, build: Build): Promise<void> => {
  goOn(rebuilding)
  await sweep(rebuilding.projecting, build)
  await sleep(pauseMs)
}
