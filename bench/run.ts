// One run of a benchmark through our SDK. What it makes carries the run's mark and ends with it, also when the run is
// interrupted or an answer got lost; a lifetime is for the case that this process is killed. Exit code: 0 when all that
// was counted succeeded, 130 when interrupted, else 1.

import { randomUUID } from 'node:crypto'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Client, type SandboxCreate } from '@pandastack/client/client.ts'
import { newRow, type Row } from './percentiles.ts'
import { untilQuiet } from './quiet.ts'
import type { Shell } from './resident.ts'

const lifetimeSeconds = 1800
const commandSeconds = 120
/** For what a round leaves to do behind its answer (the next shell, files to remove), so that it is not the next one's. */
const restMs = 200

export interface Run {
  client: Client
  /** Part of everything that is made. */
  belongings: { metadata: Record<string, string> }
  /** Its failures are the run's. */
  row(name: string): Row
  /** To be called before a round: rests until the machine is idle, if it gets so. Throws when the run was interrupted. */
  rest(): Promise<void>
  heading(text: string): void
  create(wish: SandboxCreate): Promise<string>
  shell(id: string): Shell
  end(ids: readonly (string | undefined)[]): Promise<void>
}

class Interrupted extends Error {
  override name = 'Interrupted'
}

const startRun = (interrupted: AbortSignal) => {
  const client = createClient({
    url: process.env['PANDASTACK_API'] ?? 'http://127.0.0.1:4280',
    key: process.env['PANDASTACK_API_KEY'] ?? '',
  })
  const belongings = { metadata: { bench_run: randomUUID() } }
  const rows: Row[] = []
  const rests = { all: 0, busy: 0 }
  const run: Run = {
    client,
    belongings,
    row: (name) => {
      const row = newRow(name)
      rows.push(row)
      return row
    },
    rest: async () => {
      interrupted.throwIfAborted()
      await sleep(restMs)
      rests.all += 1
      if (!(await untilQuiet())) rests.busy += 1
      interrupted.throwIfAborted()
    },
    heading: (text) => console.log(`\n${text}   (load average ${loadavg()[0]?.toFixed(2)})`),
    create: async (wish) => {
      interrupted.throwIfAborted()
      return (await client.sandboxes.create({ ttl_seconds: lifetimeSeconds, ...belongings, ...wish })).id
    },
    shell: (id) => async (cmd) => {
      const { exit_code, stdout, stderr } = await client.exec.run(id, {
        cmd,
        timeout_seconds: commandSeconds,
      })
      if (exit_code !== 0)
        throw new Error(`${cmd.slice(0, 80)}: exit code ${exit_code} ${stderr.slice(-300)}`)
      return stdout
    },
    end: async (ids) => {
      await Promise.all(ids.filter((id) => id !== undefined).map((id) => client.sandboxes.remove(id)))
    },
  }
  return { run, rows, rests }
}

/** Everything with the run's mark, however it came to be. What cannot be ended keeps nothing else from it. */
const endAll = async ({ client, belongings }: Run): Promise<void> => {
  const mark = belongings.metadata['bench_run']
  const isOurs = ({ metadata }: { metadata: Record<string, string> }): boolean =>
    metadata['bench_run'] === mark
  const sandboxes = (await client.sandboxes.list()).filter(isOurs)
  const snapshots = (await client.snapshots.list()).filter(isOurs)
  const ends = await Promise.allSettled([
    ...sandboxes.map(({ id }) => client.sandboxes.remove(id)),
    ...snapshots.map(({ id }) => client.snapshots.remove(id)),
  ])
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** Printed as it is, an error that also broke the cleaning up hides both. */
const causesOf = (error: unknown): unknown[] =>
  error instanceof SuppressedError ? [...causesOf(error.suppressed), ...causesOf(error.error)] : [error]

/** Runs `work`. A second interrupt does not wait for the cleaning up. */
export const benchmark = async (work: (run: Run) => Promise<void>): Promise<void> => {
  const interrupt = new AbortController()
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(130)
    console.error('interrupted: cleaning up')
    interrupt.abort(new Interrupted('interrupted'))
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal)
  const { run, rows, rests } = startRun(interrupt.signal)
  try {
    await work(run)
  } catch (error) {
    process.exitCode = 1
    for (const cause of causesOf(error)) if (!(cause instanceof Interrupted)) console.error(cause)
  } finally {
    await endAll(run).catch((error: unknown) => {
      process.exitCode = 1
      console.error('not everything could be cleaned up:', error)
    })
  }
  const failures = rows.reduce((sum, row) => sum + row.failures, 0)
  const samples = rows.reduce((sum, row) => sum + row.samplesMs.length, 0)
  console.log(`\nsuccess: ${samples} of ${samples + failures}`)
  console.log(
    `rounds that began although the machine was busy with something else: ${rests.busy} of ${rests.all}`,
  )
  if (failures > 0) process.exitCode = 1
  if (interrupt.signal.aborted) process.exitCode = 130
}
