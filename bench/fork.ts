// Forks of a running sandbox: one child, many at once, of parents with much memory or disk of their own, and children of
// children; beside them the bare engine's checkpoint, create, restore and exec, in turns. Every child is looked at.
//
//   eval "$(./pandastack env)"; node bench/fork.ts [rounds=30] [template=agent] [parts=one,many,load,deep]

import { rm } from 'node:fs/promises'
import { bareEngine, type Bare } from './bare.ts'
import { baked, bareForkOnce, forkOnce, forkRows, newBareParent, newParent, seenInside } from './forking.ts'
import type { Parent } from './forking.ts'
import { printRows, sample, type Row } from './percentiles.ts'
import { checkGoesOn, loadName, noLoad, note, type Load } from './resident.ts'
import { benchmark, type Run } from './run.ts'

const rounds = Number(process.argv[2] ?? 30)
const template = process.argv[3] ?? 'agent'
const parts = (process.argv[4] ?? 'one,many,load,deep').split(',')
const fewer = (divisor: number, least: number): number => Math.max(Math.ceil(rounds / divisor), least)

const sizesMb = [50, 200, 500]
const loads: Load[] = [
  noLoad,
  ...sizesMb.map((memoryMb) => ({ memoryMb, diskMb: 0 })),
  ...sizesMb.map((diskMb) => ({ memoryMb: 0, diskMb })),
]

/** Time and pause of forks of a parent with this load, ours and by hand in turns, and the pause as seen from inside. */
const forksOf = async (run: Run, engine: Bare, load: Load, counts: { times: number; gaps: number }) => {
  const name = loadName(load)
  const rows = forkRows(run, name)
  const bareRows = { total: run.row(`  bare, ${name}`), pause: run.row('  bare: checkpoint') }
  const watched = forkRows(run, 'while it ticks')
  const gaps = { gap: run.row('  seen from inside'), quiet: run.row('  seen from inside without a fork') }
  await using parent = await newParent(run, template, load)
  await using bareParent = await newBareParent(engine, load)
  for (let round = 0; round < counts.times; round++) {
    await run.rest()
    await bareForkOnce(engine, bareParent, bareRows)
    await run.rest()
    await forkOnce(run, parent, rows)
  }
  await seenInside(run, parent, counts.gaps, { ...watched, ...gaps })
  return { rows, bareRows, watched, gaps }
}

const one = async (run: Run, engine: Bare): Promise<void> => {
  run.heading('One child: fork to its first command')
  const { rows, bareRows, watched, gaps } = await forksOf(run, engine, noLoad, {
    times: rounds,
    gaps: rounds,
  })
  bareRows.total.name = 'bare: checkpoint … exec'
  rows.total.name = 'fork to first exec'
  rows.pause.name = 'pause of the parent, by the server'
  watched.pause.name = '  while it ticks'
  printRows([bareRows.total, rows.total, rows.post, rows.boot], bareRows.total)
  printRows([bareRows.pause, rows.pause, watched.pause, gaps.gap, gaps.quiet], bareRows.pause)
}

const tree = async (run: Run, parent: Parent, count: number, row: Row): Promise<void> => {
  const seen = await note(parent.shell)
  let ids: string[] = []
  const work = async (): Promise<void> => {
    const made = await run.client.forks.tree(parent.id, { count, ...run.belongings })
    ids = made.children.map(({ id }) => id)
    if (ids.length < count) throw new Error(made.errors.map(({ error }) => error).join('; '))
    await Promise.all(ids.map((id) => run.shell(id)('true')))
  }
  try {
    await sample(row, work, async () => {
      for (const id of ids) await checkGoesOn(run.shell(id), seen)
    })
  } finally {
    await run.end(ids)
  }
}

/** By hand, all children side by side. */
const bareTree = async (engine: Bare, count: number, row: Row): Promise<void> => {
  await using parent = await newBareParent(engine, noLoad)
  const seen = await note(parent.shell)
  const dir = engine.imageDir()
  await using all = new AsyncDisposableStack()
  const children = await Promise.all(Array.from({ length: count }, () => engine.machine()))
  for (const child of children) all.use(child)
  const work = async (): Promise<void> => {
    await parent.checkpoint(dir, { leaveRunning: true })
    const start = async (child: (typeof children)[number]): Promise<void> => {
      await child.restore(dir)
      await child.exec(['/bin/true'])
    }
    await Promise.all(children.map(start))
  }
  try {
    await sample(row, work, async () => {
      for (const child of children) await checkGoesOn(child.shell, seen)
    })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const many = async (run: Run, engine: Bare): Promise<void> => {
  run.heading('Many children of one fork: until each has answered a command')
  const counts = [1, 2, 4, 8, 16, 32]
  const rows = counts.map((count) => run.row(count === 1 ? '1 child' : `${count} children`))
  await using parent = await newParent(run, template, noLoad)
  for (const [place, row] of rows.entries()) {
    const count = counts[place] ?? 1
    for (let round = 0; round < fewer(count, 3); round++) {
      await run.rest()
      await tree(run, parent, count, row)
    }
  }
  printRows(rows, rows[0])
  const bareCounts = [1, 8]
  const bareRows = bareCounts.map((count) => run.row(`bare: ${count} side by side`))
  for (const [place, row] of bareRows.entries())
    for (let round = 0; round < fewer(10, 3); round++) {
      await run.rest()
      await bareTree(engine, bareCounts[place] ?? 1, row)
    }
  printRows(bareRows, bareRows[0])
}

const load = async (run: Run, engine: Bare): Promise<void> => {
  run.heading('Parents that have made memory or disk of their own')
  const counts = { times: fewer(3, 5), gaps: fewer(6, 5) }
  const all = []
  for (const load of loads) all.push(await forksOf(run, engine, load, counts))
  console.log('\nfork to first exec')
  printRows(
    all.flatMap(({ rows, bareRows }) => [rows.total, rows.post, bareRows.total]),
    all[0]?.rows.total,
  )
  console.log('\npause of the parent')
  printRows(
    all.flatMap(({ rows, bareRows, gaps }) => [rows.pause, gaps.gap, bareRows.pause]),
    all[0]?.rows.pause,
  )
}

const generations = 10

/** Parents end when their child has answered, so that each generation finds the same machine. */
const chain = async (run: Run, rows: readonly Row[]): Promise<void> => {
  let parent: string = (await newParent(run, template, noLoad)).id
  try {
    for (const row of rows) {
      await run.rest()
      const seen = await note(run.shell(parent))
      let child: string | undefined
      const work = async (): Promise<string> => {
        child = (await run.client.forks.fork(parent, run.belongings)).sandbox.id
        await run.shell(child)('true')
        return child
      }
      await sample(row, work, (id) => checkGoesOn(run.shell(id), seen))
      if (child === undefined) return
      await run.end([parent])
      parent = child
    }
  } finally {
    await run.end([parent])
  }
}

const bareChain = async (run: Run, engine: Bare, rows: readonly Row[]): Promise<void> => {
  let parent = await newBareParent(engine, noLoad)
  try {
    for (const row of rows) {
      await run.rest()
      const seen = await note(parent.shell)
      const dir = engine.imageDir()
      const child = await engine.machine()
      const work = async (): Promise<void> => {
        await parent.checkpoint(dir, { leaveRunning: true })
        await child.restore(dir)
        await child.exec(['/bin/true'])
      }
      await sample(row, work, () => checkGoesOn(child.shell, seen))
      await parent[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
      parent = child
    }
  } finally {
    await parent[Symbol.asyncDispose]()
  }
}

const deep = async (run: Run, engine: Bare): Promise<void> => {
  run.heading('Forks of forks: each generation to its first command')
  const rowsOf = (name: string): Row[] =>
    Array.from({ length: generations }, (_, index) => run.row(`${name} ${index + 1}`))
  const [ours, bare] = [rowsOf('generation'), rowsOf('bare, generation')]
  for (let round = 0; round < fewer(6, 3); round++) {
    await chain(run, ours)
    await bareChain(run, engine, bare)
  }
  printRows(ours, ours[0])
  printRows(bare, bare[0])
}

await benchmark(async (run) => {
  await baked(run, template)
  await using engine = await bareEngine(template)
  for (const [name, part] of Object.entries({ one, many, load, deep }))
    if (parts.includes(name)) await part(run, engine)
})
