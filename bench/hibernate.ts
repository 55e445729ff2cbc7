// Hibernating, waking, and snapshots that stay: a small sandbox, and ones with much memory or disk of their own; beside
// them the bare engine's checkpoint, and its create, restore and exec. What wakes is looked at each time.
//
//   eval "$(./pandastack env)"; node bench/hibernate.ts [rounds=30] [template=agent] [parts=sleep,snapshot,unchanged]

import { rm } from 'node:fs/promises'
import { bareEngine, type Bare, type BareMachine } from './bare.ts'
import { baked, newBareParent, newParent, type Parent } from './forking.ts'
import { printRows, sample, type Row } from './percentiles.ts'
import { checkGoesOn, loadName, noLoad, note, writeBulk, type Load } from './resident.ts'
import { benchmark, type Run } from './run.ts'
import { keeping, printSizes, takeSnapshot, type SnapshotRows } from './snapshots.ts'

const rounds = Number(process.argv[2] ?? 30)
const template = process.argv[3] ?? 'agent'
const parts = (process.argv[4] ?? 'sleep,snapshot,unchanged').split(',')
const fewer = Math.max(Math.ceil(rounds / 3), 5)

const sizesMb = [50, 200, 500]
const loads: Load[] = [
  noLoad,
  ...sizesMb.map((memoryMb) => ({ memoryMb, diskMb: 0 })),
  ...sizesMb.map((diskMb) => ({ memoryMb: 0, diskMb })),
]

interface SleepRows {
  hibernate: Row
  wake: Row
  wakeToExec: Row
  wakeByExec: Row
}

/** Twice to sleep: woken on request, and by a command. */
const sleepOnce = async (run: Run, { id, shell }: Parent, rows: SleepRows): Promise<void> => {
  const hibernate = () =>
    sample(
      rows.hibernate,
      () => run.client.sandboxes.hibernate(id),
      ({ status }) => {
        if (status !== 'hibernated') throw new Error(`after hibernating it is ${status}`)
      },
    )
  const first = await note(shell)
  await hibernate()
  await run.rest()
  const wake = async (): Promise<number> => {
    const begun = performance.now()
    await run.client.sandboxes.wake(id)
    const tookMs = performance.now() - begun
    await shell('true')
    return tookMs
  }
  await sample(rows.wakeToExec, wake, async (tookMs) => {
    await checkGoesOn(shell, first)
    rows.wake.samplesMs.push(tookMs)
  })
  await run.rest()
  const second = await note(shell)
  await hibernate()
  await run.rest()
  await sample(
    rows.wakeByExec,
    () => shell('true'),
    () => checkGoesOn(shell, second),
  )
}

interface BareRows {
  checkpoint: Row
  restore: Row
}

/** By hand a machine ends with its checkpoint, and the one that is given back goes on. */
const bareSleepOnce = async (
  run: Run,
  engine: Bare,
  machine: BareMachine,
  rows: BareRows,
): Promise<BareMachine> => {
  const seen = await note(machine.shell)
  const dir = engine.imageDir()
  await sample(rows.checkpoint, () => machine.checkpoint(dir, { leaveRunning: false }))
  await machine[Symbol.asyncDispose]()
  const next = await engine.machine()
  await run.rest()
  const restore = async (): Promise<void> => {
    await next.restore(dir)
    await next.exec(['/bin/true'])
  }
  await sample(rows.restore, restore, () => checkGoesOn(next.shell, seen))
  await rm(dir, { recursive: true, force: true })
  return next
}

const sleep = async (run: Run, engine: Bare): Promise<void> => {
  for (const load of loads) {
    const name = loadName(load)
    run.heading(`Hibernate and wake: ${name}`)
    const bare = { checkpoint: run.row('bare: checkpoint'), restore: run.row('bare: create, restore, exec') }
    const rows = {
      hibernate: run.row('hibernate, POST to 200'),
      wake: run.row('wake, POST to 200'),
      wakeToExec: run.row('wake, POST to first exec'),
      wakeByExec: run.row('wake by exec'),
    }
    await using sandbox = await newParent(run, template, load)
    let machine = await newBareParent(engine, load)
    for (let round = 0; round < (load === noLoad ? rounds : fewer); round++) {
      await run.rest()
      machine = await bareSleepOnce(run, engine, machine, bare)
      await run.rest()
      await sleepOnce(run, sandbox, rows)
    }
    await machine[Symbol.asyncDispose]()
    printRows([bare.checkpoint, rows.hibernate], bare.checkpoint)
    printRows([bare.restore, rows.wake, rows.wakeToExec, rows.wakeByExec], bare.restore)
  }
}

const snapshotRows = (run: Run, name: string): SnapshotRows => ({
  name,
  time: run.row(name),
  pause: run.row(`  its pause, ${name}`),
  taken: [],
})

const snapshot = async (run: Run): Promise<void> => {
  run.heading('Snapshots that stay: POST to 201')
  const all: SnapshotRows[] = []
  for (const load of loads) {
    const rows = snapshotRows(run, loadName(load))
    all.push(rows)
    await using sandbox = await newParent(run, template, load)
    for (let round = 0; round < fewer; round++) {
      await run.rest()
      await using _taken = await takeSnapshot(run, sandbox.id, rows)
    }
  }
  printRows(
    all.flatMap(({ time, pause }) => [time, pause]),
    all[0]?.time,
  )
  printSizes(all)
}

const unchangedMb = 1024
const changedMb = 50

/** What a snapshot costs when most of the disk was in an earlier one. */
const unchanged = async (run: Run): Promise<void> => {
  run.heading(`Snapshots of a sandbox with ${unchangedMb} MB on disk that an earlier one has`)
  const first = snapshotRows(run, `first, ${unchangedMb} MB new`)
  const again = snapshotRows(run, 'again, nothing changed')
  const changed = snapshotRows(run, `again, ${changedMb} MB new each time`)
  const child = snapshotRows(run, 'of one made from it, nothing changed')
  await using sandbox = await newParent(run, template, { memoryMb: 0, diskMb: unchangedMb })
  await run.rest()
  await using earlier = await takeSnapshot(run, sandbox.id, first)
  const repeat = async (id: string, rows: SnapshotRows, before: () => Promise<unknown>): Promise<void> => {
    for (let round = 0; round < fewer; round++) {
      await before()
      await run.rest()
      await using _taken = await takeSnapshot(run, id, rows)
    }
  }
  await repeat(sandbox.id, again, () => Promise.resolve())
  await repeat(sandbox.id, changed, () => writeBulk(sandbox.shell, 'more', changedMb))
  if (earlier.id !== null) {
    await using other = await keeping(run, { from_snapshot: earlier.id })
    await repeat(other.id, child, () => Promise.resolve())
  }
  const all = [first, again, changed, child]
  printRows(
    all.flatMap(({ time, pause }) => [time, pause]),
    first.time,
  )
  printSizes(all)
}

await benchmark(async (run) => {
  await baked(run, template)
  await using engine = await bareEngine(template)
  if (parts.includes('sleep')) await sleep(run, engine)
  if (parts.includes('snapshot')) await snapshot(run)
  if (parts.includes('unchanged')) await unchanged(run)
})
