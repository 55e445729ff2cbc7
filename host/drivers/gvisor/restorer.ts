// Restores through `restorer` (runsc/cmd/restorer), which stays, instead of starting runsc for each restore. Started at
// the first restore and again after its death; what was under way then fails like any restore that was cut short.

import { startCompanion, type Companion } from '@pandastack/kit/process/companion.ts'

export interface Restorer extends AsyncDisposable {
  /** Rejects with what runsc's own code said, or when it has died. To give one up, kill the machine. */
  restore(machineId: string, imageDir: string): Promise<void>
}

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

interface Answer {
  key: string
  ok?: boolean
  error?: string
}

export function createRestorer(binary: string, flags: readonly string[]): Restorer {
  const waiting = new Map<string, Waiting>()
  let companion: Promise<Companion> | undefined
  let complaint = ''
  let last = 0

  const take = (line: string): void => {
    const said = JSON.parse(line) as Answer
    const request = waiting.get(said.key)
    waiting.delete(said.key)
    if (said.ok) request?.resolve()
    else request?.reject(new Error(said.error ?? 'no reason given'))
  }
  const start = async (): Promise<Companion> => {
    const started = await startCompanion(binary, flags, {
      onLine: take,
      onComplaint: (line) => void (complaint = line.slice(0, 500)),
    })
    void started.ended.finally(() => {
      companion = undefined
      for (const request of waiting.values())
        request.reject(new Error(`the restorer has ended: ${complaint}`))
      waiting.clear()
    })
    return started
  }
  const running = (): Promise<Companion> => {
    companion ??= start().catch((error: unknown) => {
      companion = undefined
      throw error
    })
    return companion
  }

  return {
    restore: async (id, image) => {
      const { send } = await running()
      const key = String(++last)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.set(key, { resolve, reject })
      send(JSON.stringify({ key, id, image }))
      await promise
    },
    [Symbol.asyncDispose]: async () => void (await (await companion)?.[Symbol.asyncDispose]()),
  }
}
