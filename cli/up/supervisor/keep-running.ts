// Keeps one component running: starts it, waits until it works, starts it again when it ends by itself, and ends it when
// told to. The component outlives us if we are killed; its identity is reported before anything is awaited on it.

import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDetached, type Detached, type Ending } from '@pandastack/kit/process/detached.ts'
import { endGroup } from '@pandastack/kit/process/end.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import type { ComponentState } from '../state.ts'
import { createBackoff } from './backoff.ts'
import type { Component } from './components.ts'

export interface Kept {
  /** Settles when it works for the first time; rejects when it ends before that. */
  ready: Promise<void>
  stop(): Promise<void>
}

export interface KeepOptions {
  logFile: string
  log: Log
  onState(state: ComponentState): void
}

const readyPollMs = 100

const endText = ({ exitCode, signal }: Ending): string =>
  signal === null ? `exit code ${exitCode}` : `ended by ${signal}`

/** True once it works; false when it ended, when it took too long, or when it is no longer wanted. */
const becomesReady = async (
  component: Component,
  process: Detached,
  stopping: AbortSignal,
): Promise<boolean> => {
  const ended = new AbortController()
  void process.ended.then(() => ended.abort())
  const deadline = performance.now() + component.readyWithinMs
  while (!ended.signal.aborted && !stopping.aborted && performance.now() < deadline) {
    if (await component.ready().catch(() => false)) return !ended.signal.aborted
    await sleep(readyPollMs)
  }
  return false
}

const startOne = (component: Component, logFile: string): Promise<Detached> => {
  const [program = '', ...args] = component.command
  const stdio = { stdout: logFile, stderr: logFile }
  return spawnDetached(program, args, { env: component.env, stdio, cwd: '/' })
}

export const keepRunning = (component: Component, { logFile, log, onState }: KeepOptions): Kept => {
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const stopping = new AbortController()
  const backoff = createBackoff()
  const { politeSignal, graceMs } = component
  let process: Detached | undefined
  let restarts = 0
  let lastEnd: string | null = null

  const life = async (): Promise<void> => {
    const startedAtMs = Date.now()
    const now = await startOne(component, logFile)
    process = now
    const say = (state: ComponentState['state']): void =>
      onState({ pid: now.pid, startTime: now.startTime, state, startedAtMs, restarts, lastEnd })
    say('starting')
    if (await becomesReady(component, now, stopping.signal)) {
      say('ready')
      resolve()
    } else {
      // Hanging, gone, or not wanted any more: the group goes, so that the next one finds the place free.
      await endGroup(now, { politeSignal, graceMs })
    }
    lastEnd = endText(await now.ended)
    await endGroup(now, { graceMs: 0 })
    say(stopping.signal.aborted ? 'stopped' : 'waiting')
    reject(new Error(`${component.name} did not start (${lastEnd}); its log: ${logFile}`))
    const waitMs = backoff.next(Date.now() - startedAtMs)
    if (stopping.signal.aborted) return
    log.warn({ component: component.name, end: lastEnd, waitMs }, 'ended by itself')
    restarts += 1
    await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined)
  }

  const lives = (async () => {
    while (!stopping.signal.aborted) {
      await life().catch(async (error: unknown) => {
        log.error({ component: component.name, err: error }, 'could not be started')
        reject(error instanceof Error ? error : new Error(String(error)))
        await sleep(backoff.next(0), undefined, { signal: stopping.signal }).catch(() => undefined)
      })
    }
  })()
  ready.catch(() => undefined)

  return {
    ready,
    stop: async () => {
      stopping.abort()
      if (process) await endGroup(process, { politeSignal, graceMs })
      await lives
    },
  }
}
