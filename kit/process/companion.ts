// A process that lives as long as we do and is ruled by lines: requests on its stdin, answers on its stdout. The one kind
// of long-lived child that holds pipes of ours, and on purpose: its stdin reaches the end when we die, however we die,
// and a companion ends itself then. It leads a session of its own, so that a key pressed in our terminal is ours alone.
// Fails with SpawnFailed if it cannot be started; a companion that does not read is ended once its queue is full.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareEnvironment } from './environment.ts'
import type { Ending } from './detached.ts'
import { SpawnFailed } from './errors.ts'

export interface CompanionOptions {
  onLine(line: string): void
  /** What it says on stderr. Default: dropped. */
  onComplaint?(line: string): void
  /** The whole environment of the child; nothing is inherited. */
  env?: Readonly<Record<string, string>>
  /** Bytes written and not yet read by it, above which it is taken for stuck. Default 4 MiB. */
  maxQueuedBytes?: number
}

export interface Companion extends AsyncDisposable {
  pid: number
  /** Writes one line. After its end this does nothing: whoever needs an answer waits for `ended` too. */
  send(line: string): void
  /** Settles when it has ended and said all it had to say. */
  ended: Promise<Ending>
}

const closeGraceMs = 3000

const eachLine = (stream: Readable, take: (line: string) => void): void => {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take)
}

export const startCompanion = async (
  command: string,
  args: readonly string[],
  options: CompanionOptions,
): Promise<Companion> => {
  const { env = bareEnvironment, maxQueuedBytes = 4_194_304, onLine, onComplaint = () => undefined } = options
  const child = spawn(command, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'], env: { ...env } })
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
  })
  eachLine(child.stdout, onLine)
  eachLine(child.stderr, onComplaint)
  child.stdin.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.on('error', (cause) => reject(new SpawnFailed(command, cause)))
  })
  return {
    pid: child.pid as number,
    ended,
    send: (line) => {
      if (!child.stdin.writable) return
      child.stdin.write(`${line}\n`)
      if (child.stdin.writableLength > maxQueuedBytes) child.kill('SIGKILL')
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      const patience = new AbortController()
      await Promise.race([
        ended,
        sleep(closeGraceMs, undefined, { signal: patience.signal }).catch(() => undefined),
      ])
      patience.abort()
      child.kill('SIGKILL')
      await ended
    },
  }
}
