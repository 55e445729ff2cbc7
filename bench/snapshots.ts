// Snapshots that stay, taken and timed, and what room they take by the server's word.

import type { SandboxCreate, Snapshot } from '@pandastack/client/client.ts'
import { percentile, sample, type Row } from './percentiles.ts'
import type { Run } from './run.ts'

export interface SnapshotRows {
  name: string
  time: Row
  pause: Row
  taken: Snapshot[]
}

/** Removed when it is disposed of. `id` is null when it could not be taken. */
export const takeSnapshot = async (
  run: Run,
  sandboxId: string,
  { time, pause, taken }: SnapshotRows,
): Promise<AsyncDisposable & { id: string | null }> => {
  let id: string | null = null
  const { metadata } = run.belongings
  await sample(
    time,
    () => run.client.snapshots.create(sandboxId, { metadata }),
    (made) => {
      id = made.id
      if (made.status !== 'ready') throw new Error(`the snapshot is ${made.status}`)
      pause.samplesMs.push(made.pause_ms)
      taken.push(made)
    },
  )
  return {
    id,
    [Symbol.asyncDispose]: async () => {
      if (id !== null) await run.client.snapshots.remove(id)
    },
  }
}

export const keeping = async (run: Run, wish: SandboxCreate): Promise<AsyncDisposable & { id: string }> => {
  const id = await run.create(wish)
  return { id, [Symbol.asyncDispose]: () => run.end([id]) }
}

const inMb = (bytes: readonly number[]): string => (percentile(bytes, 0.5) / 1_048_576).toFixed(1).padStart(9)

/** Medians in MB (2^20). */
export const printSizes = (all: readonly SnapshotRows[]): void => {
  console.log(`${'MB'.padEnd(42)}${['size', 'unique', 'shared'].map((name) => name.padStart(9)).join('')}`)
  for (const { name, taken } of all) {
    const sizes = (['size_bytes', 'unique_bytes', 'shared_bytes'] as const).map((field) =>
      inMb(taken.map((snapshot) => snapshot[field])),
    )
    console.log(`${name.padEnd(42)}${sizes.join('')}`)
  }
}
