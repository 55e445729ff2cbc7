// One fork, of ours and by hand: timed until the child has answered a command, then looked at. What is timed is what a
// caller waits for; a child that is not what its parent was is a failure and has no time.

import { rm } from 'node:fs/promises'
import { guestd, type Bare, type BareMachine } from './bare.ts'
import { sample, type Row } from './percentiles.ts'
import { checkGoesOn, note, settled, startInside, startingResident } from './resident.ts'
import type { Load, Shell } from './resident.ts'
import type { Run } from './run.ts'
import { largestGapMs, readTicks, startTicking } from './ticks.ts'

export interface Parent extends AsyncDisposable {
  id: string
  shell: Shell
}

/** The first create bakes a template; from then on the bare engine finds its snapshot. */
export const baked = async (run: Run, template: string): Promise<void> =>
  run.end([await run.create({ template })])

export const newParent = async (run: Run, template: string, load: Load): Promise<Parent> => {
  const id = await run.create({ template })
  const shell = run.shell(id)
  await startInside(shell, 'resident', [load.memoryMb, load.diskMb])
  await settled(shell)
  return { id, shell, [Symbol.asyncDispose]: () => run.end([id]) }
}

/** Its resident is started by its first process: what `runsc exec` starts does not survive a restore. */
export const newBareParent = async (engine: Bare, load: Load): Promise<BareMachine> => {
  const machine = await engine.machine(`${await startingResident(load)} exec ${guestd}`)
  await machine.boot()
  await settled(machine.shell)
  return machine
}

export interface ForkRows {
  total: Row
  post: Row
  boot: Row
  pause: Row
}

export const forkRows = (run: Run, name: string): ForkRows => ({
  total: run.row(name),
  post: run.row('  of that, POST to 201'),
  boot: run.row('  of that, boot_ms by the server'),
  pause: run.row(`${name}: by the server`),
})

/** When the POST began and ended, by the wall clock. */
export interface Span {
  from: number
  to: number
}

export const forkOnce = async (run: Run, parent: Parent, rows: ForkRows): Promise<Span | null> => {
  const seen = await note(parent.shell)
  let child: string | undefined
  let span: Span | null = null
  const work = async () => {
    const [from, begun] = [Date.now(), performance.now()]
    const made = await run.client.forks.fork(parent.id, run.belongings)
    child = made.sandbox.id
    const postMs = performance.now() - begun
    span = { from, to: Date.now() }
    await run.shell(child)('true')
    return { made, postMs }
  }
  try {
    await sample(rows.total, work, async ({ made, postMs }) => {
      await checkGoesOn(run.shell(made.sandbox.id), seen)
      rows.post.samplesMs.push(postMs)
      rows.boot.samplesMs.push(made.sandbox.boot_ms)
      rows.pause.samplesMs.push(made.pause_ms)
    })
  } finally {
    await run.end([child])
  }
  return span
}

export interface BareRows {
  total: Row
  pause: Row
}

export const bareForkOnce = async (engine: Bare, parent: BareMachine, rows: BareRows): Promise<void> => {
  const seen = await note(parent.shell)
  const dir = engine.imageDir()
  await using child = await engine.machine()
  const work = async () => {
    const begun = performance.now()
    await parent.checkpoint(dir, { leaveRunning: true })
    const pauseMs = performance.now() - begun
    await child.restore(dir)
    await child.exec(['/bin/true'])
    return pauseMs
  }
  try {
    await sample(rows.total, work, async (pauseMs) => {
      await checkGoesOn(child.shell, seen)
      rows.pause.samplesMs.push(pauseMs)
    })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** A sandbox that is looked at this shortly before the fork, for what gaps there are without one. */
const quietMs = 200

/** Forks while the parent ticks: its largest gap around each, and in the moment before. */
export const seenInside = async (
  run: Run,
  parent: Parent,
  rounds: number,
  rows: ForkRows & { gap: Row; quiet: Row },
): Promise<void> => {
  await startTicking(parent.shell)
  const spans: Span[] = []
  for (let round = 0; round < rounds; round++) {
    await run.rest()
    const span = await forkOnce(run, parent, rows)
    if (span) spans.push(span)
  }
  const ticks = await readTicks(run.client, parent.id)
  const add = (row: Row, from: number, to: number): void => {
    const gapMs = largestGapMs(ticks, from, to)
    if (Number.isNaN(gapMs)) row.failures++
    else row.samplesMs.push(gapMs)
  }
  for (const { from, to } of spans) {
    add(rows.gap, from, to)
    add(rows.quiet, from - quietMs, from)
  }
}
