// The host port of core over the host wire (contracts/wire/host/v1). Keeps no state but its connections.

import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { z } from 'zod'
import {
  hostInfo,
  leakReport,
  machineReport,
  machineStats,
} from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import { changedFile, changesEnd, snapshotReport } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { HostRefused } from '@pandastack/core/ports/host-port.ts'
import type { Changes, HostPort } from '@pandastack/core/ports/host-port.ts'
import { callHost, openCall, outward } from './host-call.ts'
import { readNdjson } from './ndjson.ts'

/** Reports and pings come at least every 10 s; three missed pings mean that the stream is dead. */
const reportSilenceMs = 30_000
const backoffMs = { first: 100, max: 5000 }
const bakeSilenceMs = 600_000

/** A snapshot that was never asked for its changes is restored first. */
const changesSilenceMs = 130_000

const snapshotList = z.object({ snapshots: z.array(snapshotReport) })
const changesLine = z.union([changesEnd, changedFile])
const machineList = z.object({ machines: z.array(machineReport) })
const reportLine = z.union([z.object({ ping: z.literal(true) }), machineReport])
const bakeLine = z.union([
  z.object({ step: z.string(), percent: z.number() }),
  z.object({ done: z.literal(true) }),
  z.object({ error: z.string() }),
])

/** `socketPath`: the host agent's unix socket. `onTrouble` hears of lost report streams. Disposing closes connections. */
export const createHostPort = (options: {
  socketPath: string
  onTrouble?: (error: unknown) => void
}): HostPort & AsyncDisposable => {
  const pool = new Pool('http://host', { socketPath: options.socketPath, pipelining: 1 })
  return {
    ensure: (spec, { waitMs, signal }) =>
      callHost(pool, machineReport, {
        method: 'PUT',
        path: `${machine(spec.machineId)}?wait_ms=${Math.round(waitMs)}`,
        body: spec,
        silenceMs: waitMs + 10_000,
        ...(signal && { signal }),
      }),
    machines: async () =>
      (await callHost(pool, machineList, { method: 'GET', path: '/v1/machines' })).machines,
    forget: async (machineId) => {
      await absentAsNull(drained(pool, { method: 'DELETE', path: `${machine(machineId)}/record` }))
    },
    takeSnapshot: (spec, { waitMs, signal }) =>
      callHost(pool, snapshotReport, {
        method: 'PUT',
        path: `${snapshot(spec.snapshotId)}?wait_ms=${Math.round(waitMs)}`,
        body: spec,
        silenceMs: waitMs + 10_000,
        ...(signal && { signal }),
      }),
    snapshots: async () =>
      (await callHost(pool, snapshotList, { method: 'GET', path: '/v1/snapshots' })).snapshots,
    dropSnapshot: (snapshotId) => drained(pool, { method: 'DELETE', path: snapshot(snapshotId) }),
    changes: (of, signal) =>
      readChanges(pool, 'machineId' in of ? machine(of.machineId) : snapshot(of.snapshotId), signal),
    stats: (machineId) =>
      absentAsNull(callHost(pool, machineStats, { method: 'GET', path: `${machine(machineId)}/stats` })),
    follow: (onReport, signal) => followReports(pool, onReport, signal, options.onTrouble),
    info: () => callHost(pool, hostInfo, { method: 'GET', path: '/v1/host' }),
    bake: (template, onProgress, signal) => bakeTemplate(pool, template, onProgress, signal),
    leaks: () => callHost(pool, leakReport, { method: 'GET', path: '/v1/leaks', silenceMs: 60_000 }),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

const machine = (id: string): string => `/v1/machines/${encodeURIComponent(id)}`

const snapshot = (id: string): string => `/v1/snapshots/${encodeURIComponent(id)}`

const drained = async (pool: Pool, call: Parameters<typeof openCall>[1]): Promise<void> => {
  const reply = await openCall(pool, call)
  // Destroying a body that has not ended is an error of the body's own; these replies are empty, so read to their end.
  await reply.body.dump()
}

const absentAsNull = async <T>(call: Promise<T>): Promise<T | null> => {
  try {
    return await call
  } catch (error) {
    if (error instanceof HostRefused && error.status === 404) return null
    throw error
  }
}

const followReports = async (
  pool: Pool,
  onReport: (report: MachineReport) => void,
  signal: AbortSignal,
  onTrouble?: (error: unknown) => void,
): Promise<void> => {
  let pauseMs = backoffMs.first
  while (!signal.aborted) {
    try {
      const reply = await openCall(pool, {
        method: 'GET',
        path: '/v1/reports',
        silenceMs: reportSilenceMs,
        signal,
      })
      for await (const value of readNdjson(reply.body)) {
        const line = reportLine.parse(value)
        pauseMs = backoffMs.first
        if ('machineId' in line) onReport(line)
      }
    } catch (error) {
      if (!signal.aborted) onTrouble?.(outward(error))
    }
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 2, backoffMs.max)
  }
}

const bakeTemplate = async (
  pool: Pool,
  template: string,
  onProgress: (step: string, percent: number) => void,
  signal?: AbortSignal,
): Promise<void> => {
  const reply = await openCall(pool, {
    method: 'POST',
    path: `/v1/templates/${encodeURIComponent(template)}/bake`,
    body: {},
    silenceMs: bakeSilenceMs,
    ...(signal && { signal }),
  })
  try {
    for await (const value of readNdjson(reply.body)) {
      const line = bakeLine.parse(value)
      if ('done' in line) return
      if ('error' in line) throw new HostRefused(line.error, { status: 500, code: 'bake_failed' })
      onProgress(line.step, line.percent)
    }
    throw new Error('the stream ended before the bake was done')
  } catch (error) {
    throw outward(error, signal)
  }
}

const readChanges = async (pool: Pool, path: string, signal?: AbortSignal): Promise<Changes> => {
  const reply = await openCall(pool, {
    method: 'GET',
    path: `${path}/changes`,
    silenceMs: changesSilenceMs,
    ...(signal && { signal }),
  })
  const files: Changes['files'] = []
  try {
    for await (const value of readNdjson(reply.body)) {
      const line = changesLine.parse(value)
      if ('done' in line) return { files, truncated: line.truncated, image: line.image }
      files.push(line)
    }
    throw new Error('the list of changed files was cut short')
  } catch (error) {
    throw outward(error, signal)
  }
}
