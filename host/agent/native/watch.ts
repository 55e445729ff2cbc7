// The agent's face of `watch` (host/native): tells once when a process has ended, also when it had ended before it was
// asked for. Keeps what is watched, because a `watch` that had to be started again is told all of it; what ended in
// between is noticed then.

import type { ProcessIdentity } from '@pandastack/driver/values.ts'
import { startTended, type Tended } from './tended.ts'
import type { ExitWatch, Log } from '../ports.ts'

interface Watched {
  key: string
  process: ProcessIdentity
  onExit(): void
}

interface Said {
  exited?: string
  error?: string
  key?: string
}

export async function startWatch(options: {
  binary: string
  log: Log
}): Promise<ExitWatch & AsyncDisposable> {
  const { binary, log } = options
  // On the wire each watch has a number of its own: news of one that was replaced cannot be taken for the new one's.
  const watched = new Map<string, Watched>()
  const numbers = new Map<string, string>()
  let last = 0

  const forget = (key: string): string | undefined => {
    const number = numbers.get(key)
    if (number !== undefined) watched.delete(number)
    numbers.delete(key)
    return number
  }
  const onSaid = (line: unknown): void => {
    const said = line as Said
    if (said.error !== undefined) {
      log.error({ said, process: watched.get(said.key ?? '')?.process }, 'a process cannot be watched')
      return
    }
    const item = watched.get(said.exited ?? '')
    if (!item) return
    forget(item.key)
    item.onExit()
  }
  const request = (number: string, { process }: Watched): object => ({
    watch: process.pid,
    start: process.startTime,
    key: number,
  })
  const onStart = (): void => watched.forEach((item, number) => tended?.send(request(number, item)))
  let tended: Tended | undefined
  tended = await startTended({ name: 'watch', binary, args: [], log, onSaid, onStart })

  const unwatch = (key: string): void => {
    const number = forget(key)
    if (number !== undefined) tended.send({ unwatch: number })
  }
  return {
    watch: (key, process, onExit) => {
      unwatch(key)
      const number = String(++last)
      const item = { key, process, onExit }
      numbers.set(key, number)
      watched.set(number, item)
      tended.send(request(number, item))
    },
    unwatch,
    [Symbol.asyncDispose]: () => tended[Symbol.asyncDispose](),
  }
}
