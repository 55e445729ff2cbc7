// One process of a test installation: started as `up` starts it, ended politely or not at all politely.

import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Component } from '@pandastack/cli/up/supervisor/components.ts'
import { spawnDetached, type Detached } from '@pandastack/kit/process/detached.ts'
import { endGroup } from '@pandastack/kit/process/end.ts'
import { isAlive, runningProcesses } from '@pandastack/kit/process/identity.ts'

export interface Part {
  readonly name: string
  /** Of the process that runs now. Throws when none does. */
  readonly pid: number
  readonly logFile: string
  alive(): boolean
  /** Settles when it works; `env` is added to what it is given otherwise. */
  start(env?: Record<string, string>): Promise<void>
  /** As an operator would. Throws when it has to be forced. */
  stop(): Promise<void>
  /** SIGKILL to it and to every child of it; settles when all of them are gone. */
  kill9(): Promise<void>
  /** Settles when it has ended by itself. */
  ended(): Promise<void>
}

const pollMs = 20
const logTail = 3000

export const createPart = (component: Component, logFile: string): Part => {
  let process: Detached | null = null
  const current = (): Detached => {
    if (!process) throw new Error(`${component.name} has not been started`)
    return process
  }
  const alive = (): boolean => process !== null && isAlive(process)

  const ready = async (): Promise<void> => {
    const deadline = performance.now() + component.readyWithinMs
    while (alive() && performance.now() < deadline) {
      if (await component.ready().catch(() => false)) return
      await sleep(pollMs)
    }
    const text = await readFile(logFile, 'utf8').catch(() => '')
    await endGroup(current(), { graceMs: 0 })
    throw new Error(`${component.name} did not start: ${text.slice(-logTail)}`)
  }
  return {
    name: component.name,
    logFile,
    alive,
    get pid() {
      return current().pid
    },
    async start(env = {}) {
      const [program = '', ...args] = component.command
      const stdio = { stdout: logFile, stderr: logFile }
      process = await spawnDetached(program, args, { env: { ...component.env, ...env }, stdio, cwd: '/' })
      await ready()
    },
    async stop() {
      if (!alive()) return
      const { politeSignal, graceMs } = component
      const outcome = await endGroup(current(), { politeSignal, graceMs })
      if (outcome !== 'polite') throw new Error(`${component.name} had to be ended by force`)
    },
    async kill9() {
      const victim = current()
      // Servers put their children into sessions of their own; companions of the agent end by themselves.
      const children = runningProcesses().filter(({ parentPid }) => parentPid === victim.pid)
      await endGroup(victim, { graceMs: 0 })
      for (const child of children) if (isAlive(child)) await endGroup(child, { graceMs: 0 })
    },
    async ended() {
      await current().ended
    },
  }
}
