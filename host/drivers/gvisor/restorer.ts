// Restores through `restorer` (runsc/cmd/restorer), which stays, instead of starting runsc for each restore. Started at
// the first restore and again after its death; what was under way then fails like any restore that was cut short.

import { startCompanion, type Companion } from '@pandastack/kit/process/companion.ts'

export interface Restorer extends AsyncDisposable {
  /** Rejects with what runsc's own code said, when it has died, or when the signal aborts; then its end is unknown. */
  restore(machineId: string, imageDir: string, signal: AbortSignal): Promise<void>
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
    restore: async (id, image, signal) => {
      const { send } = await running()
      signal.throwIfAborted()
      const key = String(++last)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.set(key, { resolve, reject })
      const onAbort = (): void => reject(signal.reason as Error)
      signal.addEventListener('abort', onAbort, { once: true })
      send(JSON.stringify({ key, id, image }))
      try {
        await promise
      } finally {
        signal.removeEventListener('abort', onAbort)
        waiting.delete(key)
      }
    },
    [Symbol.asyncDispose]: async () => void (await (await companion)?.[Symbol.asyncDispose]()),
  }
}
