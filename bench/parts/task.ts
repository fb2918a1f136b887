import type { LocalServer } from '../../src/local/child.ts'

/** Serves tasks that another process sends, one after the other. */
export const serveTasks = <Task, Result>(run: (task: Task) => Promise<Result>): void => {
  process.on('message', (task: Task) => {
    void run(task).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String((error as Error).stack ?? error) }),
    )
  })
  process.send?.({ ready: true })
}

/** Has a task done by a process that serves them. */
export const ask = <Task extends object, Result>(
  { child }: LocalServer,
  task: Task,
): Promise<Result> =>
  new Promise((resolve, reject) => {
    child.process.once('message', (answer: { result: Result } | { error: string }) => {
      if ('error' in answer) reject(new Error(answer.error))
      else resolve(answer.result)
    })
    child.process.send(task)
    void child.exited.then((how) => reject(new Error(`${child.name} ${how}`)))
  })
