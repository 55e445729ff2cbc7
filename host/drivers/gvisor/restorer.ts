// What runsc does, through `restorer` (runsc/cmd/restorer), which stays, instead of starting runsc each time. Started at
// the first request and again after its death; what was under way then fails like any command that was cut short.

import { startCompanion, type Companion } from '@pandastack/kit/process/companion.ts'

export type Verb = 'restore' | 'checkpoint' | 'pause' | 'resume' | 'state'

export interface Answer {
  /** Of a checkpoint: for how long the sandbox stood still, at most. */
  pauseMs?: number
  /** Of `state`: as runsc's record has it. */
  status?: string
}

export interface Restorer extends AsyncDisposable {
  /** The program and runsc's global flags, for what it does in a process of its own. */
  readonly command: readonly [program: string, ...flags: string[]]
  /** Rejects with what runsc's own code said, or when it has died. A request cannot be taken back. */
  ask(verb: Verb, machineId: string, dir?: string): Promise<Answer>
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

export function createRestorer(binary: string, flags: readonly string[]): Restorer {
  const waiting = new Map<string, Waiting>()
  let companion: Promise<Companion> | undefined
  let complaint = ''
  let last = 0

  const take = (line: string): void => {
    const { key, error, ...answer } = JSON.parse(line) as Answer & { key: string; error?: string }
    const request = waiting.get(key)
    waiting.delete(key)
    if (error === undefined) request?.resolve(answer)
    else request?.reject(new Error(error))
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
    command: [binary, ...flags],
    ask: async (verb, id, dir) => {
      const { send } = await running()
      const key = String(++last)
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      waiting.set(key, { resolve, reject })
      send(JSON.stringify({ key, verb, id, dir }))
      return await promise
    },
    [Symbol.asyncDispose]: async () => void (await (await companion)?.[Symbol.asyncDispose]()),
  }
}
