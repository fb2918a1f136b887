import { runLoad } from './load/run-load.ts'
import { serveTasks } from './parts/task.ts'

// The clients are a process of their own, so that the one they ask has its core to itself.
serveTasks(runLoad)
