// The agent's face of `sums` (host/native). Keeps the requests under way, because a `sums` that had to be started again is
// sent them once more; one that it dies of twice fails. A request that is given up settles when nobody works in its
// directory any more, so that it can be taken away.

import { startTended, type Tended } from './tended.ts'
import type { Log } from '../ports.ts'
import { SumsMismatch, SumsMissing, SumsNoSpace, type Sums } from '../sums-port.ts'

interface Answer {
  key: string
  ok?: boolean
  sha256?: string
  uniqueBytes?: number
  sharedBytes?: number
  error?: string
  code?: 'corrupt' | 'missing' | 'cancelled' | 'no_space' | 'refused' | 'io'
  file?: string
  chunk?: number
}

interface UnderWay {
  request: object
  signal: AbortSignal
  sentAgain: boolean
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** How long a request that is given up may take to end: it cannot while the disk hangs. */
const cancelDeadlineMs = 10_000

const failureOf = ({ error = 'no reason given', code, file = '', chunk }: Answer): Error => {
  if (code === 'corrupt') return new SumsMismatch(error, file, chunk ?? null)
  if (code === 'missing') return new SumsMissing(error)
  if (code === 'no_space') return new SumsNoSpace(error)
  return new Error(`sums: ${error}`)
}

export async function startSums(options: { binary: string; log: Log }): Promise<Sums & AsyncDisposable> {
  const { binary, log } = options
  const underWay = new Map<string, UnderWay>()
  let last = 0

  const onSaid = (line: unknown): void => {
    const answer = line as Answer
    const item = underWay.get(answer.key)
    if (answer.ok) item?.resolve(answer)
    else item?.reject(item.signal.aborted ? item.signal.reason : failureOf(answer))
  }
  const onStart = (): void => {
    for (const item of underWay.values()) {
      if (item.signal.aborted) item.reject(item.signal.reason)
      else if (item.sentAgain) item.reject(new Error('sums ended twice during this request'))
      else tended?.send(item.request)
      item.sentAgain = true
    }
  }
  // What was given up needs no answer any more: whoever worked on it is gone.
  const onEnd = (): void => underWay.forEach(({ signal, reject }) => signal.aborted && reject(signal.reason))
  let tended: Tended | undefined
  tended = await startTended({ name: 'sums', binary, args: [], log, onSaid, onStart, onEnd })

  const ask = async (operation: object, signal: AbortSignal): Promise<Answer> => {
    signal.throwIfAborted()
    const key = String(++last)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const item = { request: { key, ...operation }, signal, sentAgain: false, resolve, reject }
    let late: NodeJS.Timeout | undefined
    const onAbort = (): void => {
      tended.send({ key: String(++last), op: 'cancel', of: key })
      late = setTimeout(() => reject(signal.reason), cancelDeadlineMs)
    }
    underWay.set(key, item)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      tended.send(item.request)
      return await promise
    } finally {
      clearTimeout(late)
      signal.removeEventListener('abort', onAbort)
      underWay.delete(key)
    }
  }
  return {
    seal: async (dir, signal) => {
      const { sha256, uniqueBytes, sharedBytes } = await ask({ op: 'seal', dir }, signal)
      if (sha256 === undefined || uniqueBytes === undefined || sharedBytes === undefined)
        throw new Error('sums answered a seal without its sum')
      return { sha256, uniqueBytes, sharedBytes }
    },
    verify: async (dir, sha256, signal) => void (await ask({ op: 'verify', dir, sha256 }, signal)),
    [Symbol.asyncDispose]: async () => {
      await tended[Symbol.asyncDispose]()
      for (const { reject } of underWay.values()) reject(new Error('sums was closed'))
    },
  }
}
