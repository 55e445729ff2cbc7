// From "Node is there" to "it works": prepare, start, key, proof.

import { ensureApiKey } from './key.ts'
import { prepare, type Preparation } from './prepare.ts'
import { prove } from './proof.ts'
import { apiUrl, writeSettings, type Settings } from './settings.ts'
import { startSupervisor } from './start.ts'
import { stopProcesses } from './stop.ts'
import { mkdir } from 'node:fs/promises'

export interface Up {
  url: string
  key: string
}

export const bringUp = async (
  task: Preparation & { settings: Settings; proof: boolean; lock: () => Promise<AsyncDisposable> },
): Promise<Up> => {
  const { home, settings, env, steps, signal } = task
  await mkdir(home.dir, { recursive: true, mode: 0o755 })
  await using stack = new AsyncDisposableStack()
  stack.use(await task.lock())
  await prepare(task)
  await writeSettings(home.dir, settings)
  steps.heading('Starting')
  // Whatever an earlier one has left; its sandboxes run on.
  await stopProcesses(home)
  await startSupervisor({ home, settings, env, steps, signal })
  const key = await steps.run('API key', () => ensureApiKey(home, settings, env))
  const url = apiUrl(settings.listen)
  if (task.proof) {
    steps.heading('Proving')
    await prove({ url, key, steps, signal })
  }
  return { url, key }
}
