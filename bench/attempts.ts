// Attempts: eight commands tried in a fork each, so many at a time, beside the same eight run one after the other in the
// sandbox itself, and beside eight forks of the bare engine by hand.
//
//   eval "$(./pandastack env)"; node bench/attempts.ts [rounds=10] [template=agent]

import { rm } from 'node:fs/promises'
import { bareEngine, type Bare, type BareMachine } from './bare.ts'
import { baked, newBareParent, newParent, type Parent } from './forking.ts'
import { printRows, sample, type Row } from './percentiles.ts'
import { judge, look, noLoad, note, type Note } from './resident.ts'
import { benchmark, type Run } from './run.ts'

const rounds = Number(process.argv[2] ?? 10)
const template = process.argv[3] ?? 'agent'
const attempts = 8

interface Wish {
  command: string
  concurrency: number
  files: boolean
}

const trueAt = (concurrency: number): Wish => ({ command: 'true', concurrency, files: false })

/** With a note, what each attempt is worth: it finds what was there a moment before. */
const tryAll = async (run: Run, { id }: Parent, wish: Wish, row: Row, noted?: Note): Promise<void> => {
  const { command, concurrency, files } = wish
  const commands = Array.from({ length: attempts }, () => command)
  await sample(
    row,
    () => run.client.attempts.run(id, { commands, concurrency, files }),
    ({ outcomes }) => {
      const bad = outcomes.filter(({ state }) => state !== 'succeeded')
      if (outcomes.length < attempts || bad.length > 0)
        throw new Error(`${bad.length} of ${outcomes.length} failed: ${bad[0]?.error ?? bad[0]?.stderr}`)
      if (noted) for (const { stdout } of outcomes) judge(stdout, noted)
    },
  )
}

/** One capture; children by hand, at most `concurrency` at a time, each ended before the next. */
const tryBare = async (engine: Bare, parent: BareMachine, concurrency: number, row: Row): Promise<void> => {
  const dir = engine.imageDir()
  const work = async (): Promise<void> => {
    await parent.checkpoint(dir, { leaveRunning: true })
    const rest = Array.from({ length: attempts }).keys()
    const worker = async (): Promise<void> => {
      for (const _attempt of rest) {
        await using child = await engine.machine()
        await child.restore(dir)
        await child.exec(['/bin/true'])
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
  }
  await sample(row, work)
  await rm(dir, { recursive: true, force: true })
}

await benchmark(async (run) => {
  await baked(run, template)
  await using engine = await bareEngine(template)
  await using parent = await newParent(run, template, noLoad)
  await using bareParent = await newBareParent(engine, noLoad)
  run.heading(`${attempts} attempts of true`)
  const looked = run.row('attempts that look at what they have')
  const sequential = run.row(`${attempts} × exec in the sandbox itself`)
  const ours = [1, 2, 4, 8].map((concurrency) => ({
    concurrency,
    row: run.row(`attempts, ${concurrency} at a time`),
  }))
  const withFiles = run.row('attempts, 4 at a time, with files')
  const bare = [2, 4].map((concurrency) => ({ concurrency, row: run.row(`bare, ${concurrency} at a time`) }))
  for (let round = 0; round < rounds; round++) {
    await run.rest()
    await tryAll(run, parent, { ...trueAt(4), command: look }, looked, await note(parent.shell))
    await run.rest()
    await sample(sequential, async () => {
      for (let index = 0; index < attempts; index++) await parent.shell('true')
    })
    for (const { concurrency, row } of ours) {
      await run.rest()
      await tryAll(run, parent, trueAt(concurrency), row)
    }
    await run.rest()
    await tryAll(run, parent, { ...trueAt(4), files: true }, withFiles)
    for (const { concurrency, row } of bare) {
      await run.rest()
      await tryBare(engine, bareParent, concurrency, row)
    }
  }
  printRows(
    [sequential, ...ours.map(({ row }) => row), withFiles, looked, ...bare.map(({ row }) => row)],
    sequential,
  )
})
