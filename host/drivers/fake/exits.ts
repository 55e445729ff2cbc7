// Tells the end of processes by looking often: the agent's exit watch where no native command has been built.

import { isAlive } from '@pandastack/kit/process/identity.ts'
import type { ProcessIdentity } from '@pandastack/driver/values.ts'

const lookEveryMs = 20

export const createFakeExits = () => {
  const watched = new Map<string, { process: ProcessIdentity; onExit: () => void }>()
  const look = (): void => {
    for (const [key, { process, onExit }] of watched)
      if (!isAlive(process)) {
        watched.delete(key)
        onExit()
      }
  }
  const timer = setInterval(look, lookEveryMs).unref()
  return {
    watch: (key: string, process: ProcessIdentity, onExit: () => void): void =>
      void watched.set(key, { process, onExit }),
    unwatch: (key: string): void => void watched.delete(key),
    [Symbol.asyncDispose]: async (): Promise<void> => clearInterval(timer),
  }
}
