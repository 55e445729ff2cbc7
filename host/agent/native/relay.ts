// The agent's face of `relay` (host/native): which machine has which address. Keeps the table, because a relay that had
// to be started again is told all of it; a request counts as done when the relay that runs has taken it.
// A request fails when it is refused, or when no relay answers in time.

import { startTended, type Tended } from './tended.ts'
import type { Log, Relay } from '../ports.ts'

export interface RelayOptions {
  binary: string
  socketPath: string
  /** Group that may connect; null: only the owner's. */
  groupId: number | null
  log: Log
  connectionsMax?: number
}

const answerDeadlineMs = 10_000

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

interface Answer {
  seq: number
  ok: boolean
  error?: string
}

export async function startRelay(options: RelayOptions): Promise<Relay & AsyncDisposable> {
  const { binary, socketPath, groupId, log, connectionsMax = 4096 } = options
  const table = new Map<string, string>()
  /** Of the relay that runs: the first is the one answered next, starting with its own first word. */
  let waiting: Waiting[] = []

  const onSaid = (said: unknown): void => {
    const answer = said as Answer
    const first = waiting.shift()
    if (answer.ok) first?.resolve()
    else first?.reject(new Error(`the relay refused: ${answer.error ?? 'no reason given'}`))
  }
  const expectAnswer = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the relay does not answer')), answerDeadlineMs)
      waiting.push({
        resolve: () => (clearTimeout(late), resolve()),
        reject: (error) => (clearTimeout(late), reject(error)),
      })
    })
  const ready = Promise.withResolvers<void>()
  const onStart = (): void => {
    const unanswered = waiting
    waiting = []
    const answers = [expectAnswer()]
    for (const [machineId, address] of table) {
      answers.push(expectAnswer())
      tended?.send({ set: machineId, address })
    }
    // The table holds what the unanswered ones wanted, so they are done when all of it is taken.
    Promise.all(answers).then(
      () => [ready, ...unanswered].forEach(({ resolve }) => resolve()),
      (error: Error) => [ready, ...unanswered].forEach(({ reject }) => reject(error)),
    )
  }
  const group = groupId === null ? [] : ['-group', String(groupId)]
  const args = ['-socket', socketPath, ...group, '-max', String(connectionsMax)]
  const onEnd = (complaint: string): void => ready.reject(new Error(`the relay ended: ${complaint}`))
  let tended: Tended | undefined
  tended = await startTended({ name: 'relay', binary, args, log, onSaid, onStart, onEnd })
  try {
    await ready.promise
  } catch (error) {
    await tended[Symbol.asyncDispose]()
    throw error
  }
  const ask = (request: object): Promise<void> => {
    const answered = expectAnswer()
    tended.send(request)
    return answered
  }
  return {
    set: async (machineId, address) => {
      table.set(machineId, address)
      try {
        await ask({ set: machineId, address })
      } catch (error) {
        if (table.get(machineId) === address) table.delete(machineId)
        throw error
      }
    },
    unset: (machineId) => {
      table.delete(machineId)
      return ask({ unset: machineId })
    },
    [Symbol.asyncDispose]: async () => {
      await tended[Symbol.asyncDispose]()
      for (const { reject } of waiting.splice(0)) reject(new Error('the relay was closed'))
    },
  }
}
