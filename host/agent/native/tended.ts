// A companion that is started again when it dies. It keeps no state that its owner cannot send again: `onStart` is called
// after each start, before anything else is sent. Owns the process; fails only at the first start.

import { setTimeout as sleep } from 'node:timers/promises'
import { startCompanion, type Companion } from '@pandastack/kit/process/companion.ts'
import type { Log } from '../ports.ts'

export interface TendedOptions {
  name: string
  binary: string
  args: readonly string[]
  log: Log
  /** One line that it said, parsed. */
  onSaid(said: unknown): void
  onStart(): void
  /** It has ended by itself; `complaint` is its last line on stderr. */
  onEnd?(complaint: string): void
}

export interface Tended extends AsyncDisposable {
  /** Lost while the companion is down: then `onStart` comes and sends everything. */
  send(request: object): void
}

const firstPauseMs = 50
const longestPauseMs = 5_000
/** A companion that ran this long was well: the next pause is short again. */
const healthyMs = 10_000

export async function startTended(options: TendedOptions): Promise<Tended> {
  const { name, binary, args, log, onSaid, onStart, onEnd } = options
  const closing = new AbortController()
  let complaint = ''
  const onLine = (line: string): void => {
    try {
      onSaid(JSON.parse(line))
    } catch (error) {
      log.error({ err: error, name, line: line.slice(0, 200) }, 'a companion said what is not understood')
    }
  }
  const start = (): Promise<Companion> =>
    startCompanion(binary, args, { onLine, onComplaint: (line) => void (complaint = line.slice(0, 500)) })

  let current: Companion | undefined = await start()
  onStart()
  const restart = async (pauseMs: number): Promise<void> => {
    await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined)
    if (closing.signal.aborted) return
    complaint = ''
    current = await start().catch((error: unknown) => void (complaint = String(error)))
    if (closing.signal.aborted) await current?.[Symbol.asyncDispose]()
    else if (current) onStart()
  }
  const tend = async (): Promise<void> => {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const beganAtMs = performance.now()
      const ending = await current?.ended
      current = undefined
      if (closing.signal.aborted) return
      log.error({ name, ...ending, complaint }, 'a companion of the agent has ended and is started again')
      onEnd?.(complaint)
      if (performance.now() - beganAtMs > healthyMs) pauseMs = firstPauseMs
      await restart(pauseMs)
    }
  }
  const tending = tend()
  return {
    send: (request) => current?.send(JSON.stringify(request)),
    [Symbol.asyncDispose]: async () => {
      closing.abort()
      await current?.[Symbol.asyncDispose]()
      await tending
    },
  }
}
