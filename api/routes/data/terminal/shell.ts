// A login shell on a terminal inside the sandbox, as two ends: what it prints, and what is typed, which goes through
// one long request so that keys arrive in order and the guest's pace is ours. Ends with its signal.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { exited } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import { frameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { callGuest, json } from '../guest/call.ts'
import { forCaller } from '../guest/faults.ts'
import { parsed, startExec } from '../exec/outputs.ts'

export interface Size {
  rows: number
  cols: number
}

export type TerminalOutput = { bytes: Uint8Array } | { exit: number }

export interface Shell {
  output: AsyncGenerator<TerminalOutput>
  /** Resolves when there is room for more. */
  type(bytes: Buffer): Promise<void>
  /** Only the last of several sizes that come at once is set. */
  resize(size: Size): void
}

const loginShell = 'if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi'

export const openShell = async (sandbox: OpenSandbox, size: Size, signal: AbortSignal): Promise<Shell> => {
  const id = randomUUID()
  const frames = await startExec(
    sandbox,
    { id, cmd: loginShell, pty: size, stdin: true, tag: 'terminal', log: false },
    signal,
  )
  const first = await frames.next().catch((error: unknown) => {
    throw forCaller(error)
  })
  if (first.done || first.value.type !== frameType.start) {
    throw new PandaError('upstream', 'the terminal did not start')
  }
  const typed = new PassThrough()
  const path = `/v1/exec/${id}`
  const call = { method: 'POST', signal, silenceMs: 0 } as const
  // Ends with the shell; a terminal that takes no more input still shows its output.
  callGuest(sandbox, { ...call, path: `${path}/stdin?close=0`, body: typed }).then(
    (reply) => reply.body.resume(),
    () => typed.destroy(),
  )
  typed.on('error', () => undefined)
  return {
    output: terminalOutput(frames),
    type: async (bytes) => {
      if (typed.destroyed || typed.write(bytes)) return
      await Promise.race([once(typed, 'drain', { signal }), once(typed, 'close', { signal })])
    },
    resize: latest(async (next) => {
      const reply = await callGuest(sandbox, {
        ...call,
        path: `${path}/resize`,
        ...json(next),
        silenceMs: 10_000,
      })
      reply.body.resume()
    }),
  }
}

async function* terminalOutput(frames: AsyncGenerator<{ type: number; payload: Uint8Array }>) {
  try {
    for await (const frame of frames) {
      if (frame.type === frameType.pty) yield { bytes: frame.payload }
      if (frame.type !== frameType.exit) continue
      yield { exit: parsed(exited, frame.payload).exit_code }
      return
    }
  } catch (error) {
    throw forCaller(error)
  }
  throw new PandaError('upstream', 'the sandbox ended the terminal before the shell had ended')
}

/** Runs `act` one at a time; of what comes meanwhile only the last is kept. */
const latest = (act: (size: Size) => Promise<void>): ((size: Size) => void) => {
  let next: Size | null = null
  let busy = false
  const work = async (): Promise<void> => {
    busy = true
    while (next) {
      const size = next
      next = null
      await act(size).catch(() => undefined)
    }
    busy = false
  }
  return (size) => {
    next = size
    if (!busy) void work()
  }
}
