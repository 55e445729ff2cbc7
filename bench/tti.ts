// Time to interactive, by ComputeSDK's method: from the create to the result of `node -v`, as the client sees it.
// One after the other, staggered (a new one every 250 ms), and a burst; beside the bare engine's create, restore and exec.
//
//   eval "$(./pandastack env)"; node bench/tti.ts [sequential=100] [burst=50] [template=agent]

import { setTimeout as sleep } from 'node:timers/promises'
import { bareEngine } from './bare.ts'
import { create, exec, remove } from './client.ts'
import { newRow, printRows, sample } from './percentiles.ts'

const count = Number(process.argv[2] ?? 100)
const burst = Number(process.argv[3] ?? 50)
const template = process.argv[4] ?? 'agent'
const staggerMs = 250
const bareCount = Math.min(30, count)

const bootMs = newRow('  of that, boot_ms by the server')
const createMs = newRow('  of that, POST to 201')

async function once(row: ReturnType<typeof newRow>): Promise<void> {
  let id: string | undefined
  await sample(row, async () => {
    const begun = performance.now()
    const sandbox = await create(template)
    id = sandbox.id
    if (row === sequential) {
      createMs.samplesMs.push(performance.now() - begun)
      bootMs.samplesMs.push(sandbox.boot_ms)
    }
    const result = await exec(id, 'node -v')
    if (!result.stdout.startsWith('v')) throw new Error(`node -v said ${JSON.stringify(result)}`)
  })
  if (id) await remove(id)
}

const warmUp = newRow('warm-up')
const sequential = newRow('one after the other')
const staggered = newRow(`one every ${staggerMs} ms`)
const burstRow = newRow(`burst of ${burst}`)
const bare = newRow('bare: create, restore, exec')

await once(warmUp)
for (let index = 0; index < count; index++) await once(sequential)
const running: Promise<void>[] = []
for (let index = 0; index < count / 2; index++) {
  running.push(once(staggered))
  await sleep(staggerMs)
}
await Promise.all(running)
await Promise.all(Array.from({ length: burst }, () => once(burstRow)))
{
  await using engine = await bareEngine(template)
  for (let index = 0; index < bareCount; index++)
    await engine.cycle(['/usr/local/bin/node', '-v'], (task) => sample(bare, task))
}
printRows([bare, sequential, createMs, bootMs, staggered, burstRow], bare)
