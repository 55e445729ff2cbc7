// Bytes of snapshots change on the disk, get lost, are too many, or are those of another one: whoever asks for such a
// snapshot is refused before any guest runs, nobody else notices, and once the bytes are back it is what it was.

import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Snapshot } from '@pandastack/contracts/http/snapshots.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import { createSandbox, eventually, exec, found, noLeaks, output, removeSandbox } from './sandboxes.ts'
import * as files from './snapshot-files.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const flips = 60
const settleMs = 60_000
const counter = 'n=0; while :; do n=$((n+1)); echo $n > /srv/n.new; mv /srv/n.new /srv/n; sleep 0.1; done'

interface Source {
  id: string
  content: string
  snapshot: string
}

describe.skipIf(reason !== null)('a damaged snapshot', () => {
  let on: Installation
  let one: Source
  let two: Source
  beforeAll(async () => {
    on = await startInstallation()
    one = await prepare()
    two = await prepare()
  })
  afterEach(async () => {
    if (!on.agent.alive()) await on.agent.start()
    await nothingElseRuns()
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })
  const statusOf = async ({ snapshot }: Source): Promise<string> =>
    (await on.call('GET', `/v1/snapshots/${snapshot}`)).json<Snapshot>().status

  /** Holds something on disk and something in memory. */
  const prepare = async (): Promise<Source> => {
    const { id } = await createSandbox(on, { ttl_seconds: 3000 })
    const content = randomBytes(16).toString('hex')
    await exec(on, id, `echo ${content} > /root/kept`)
    await exec(on, id, `setsid sh -c '${counter}' </dev/null >/dev/null 2>&1 &`)
    await eventually(
      () => count(id),
      (n) => n > 0,
    )
    const taken = await on.call('POST', `/v1/sandboxes/${id}/snapshots`)
    expect(taken.status).toBe(201)
    return { id, content, snapshot: taken.json<Snapshot>().id }
  }
  const count = async (id: string): Promise<number> =>
    Number(await output(on, id, 'cat /srv/n 2>/dev/null || echo 0'))
  const goesOn = async (id: string, content: string): Promise<void> => {
    expect(await output(on, id, 'cat /root/kept')).toBe(content)
    const before = await count(id)
    await eventually(
      () => count(id),
      (n) => n > before,
      settleMs,
    )
  }
  const nothingElseRuns = async (): Promise<void> => {
    const own = [one, two].map(({ id }) => id).toSorted()
    await eventually(
      async () => (await on.machines()).map(({ sandboxId }) => sandboxId),
      (all) => JSON.stringify(all.toSorted()) === JSON.stringify(own),
    )
    await noLeaks(on)
  }
  const dirOf = ({ snapshot }: Source): string => files.snapshotDir(on.home, snapshot)
  const create = (snapshot: string) => on.call('POST', '/v1/sandboxes', { from_snapshot: snapshot })
  const refused = async ({ snapshot }: Source, what: string): Promise<void> => {
    const reply = await create(snapshot)
    expect({ what, status: reply.status, ...reply.json() }).toMatchObject({
      what,
      status: 409,
      code: 'snapshot_corrupt',
    })
    const running = (await on.machines()).filter(({ state }) => state === 'running')
    expect(running.map(({ sandboxId }) => sandboxId).toSorted(), what).toEqual([one.id, two.id].toSorted())
  }
  const works = async ({ snapshot, content }: Source): Promise<void> => {
    const { id } = await createSandbox(on, { from_snapshot: snapshot })
    await goesOn(id, content)
    await removeSandbox(on, id)
  }
  /** Damages, looks at what happens, and mends in any case. */
  const damaged = async (damage: Promise<files.Mend>, look: () => Promise<void>): Promise<void> => {
    const mend = await damage
    try {
      await look()
    } finally {
      await mend()
    }
  }
  const restartAgent = async (env: Record<string, string> = {}): Promise<void> => {
    await on.agent.kill9()
    await on.agent.start(env)
  }
  /** Any bit of a file. */
  const flip = (dir: string, { name, size }: { name: string; size: number }) => {
    const [at, bit] = [randomInt(size), randomInt(8)]
    return { what: `bit ${bit} of byte ${at} of ${name}`, damage: files.flipBit(join(dir, name), at, bit) }
  }

  test('is found by any bit of it, before so much as a place for a guest is taken', async () => {
    await restartAgent({ PANDASTACK_FAILPOINTS: 'machine.shell-taken=throw' })
    expect((await create(one.snapshot)).status, 'a whole one gets to the place where it is stopped').toBe(503)
    const dir = dirOf(one)
    const all = await files.filesOf(dir)
    for (let i = 0; i < flips; i++) {
      const { what, damage } = flip(dir, all[i % all.length] as { name: string; size: number })
      await damaged(damage, () => refused(one, what))
    }
    await restartAgent()
    for (const source of [one, two]) await works(source)
  })

  test('of which one byte was changed works again when the byte is back, and meanwhile nobody else suffers', async () => {
    const dir = dirOf(one)
    for (const file of await files.filesOf(dir)) {
      const { what, damage } = flip(dir, file)
      await damaged(damage, async () => {
        await refused(one, what)
        await works(two)
        for (const { id, content } of [one, two]) await goesOn(id, content)
      })
      await works(one)
    }
  })

  test('is one whose files are too short, too long, gone or too many', async () => {
    const dir = dirOf(one)
    for (const { name, size } of await files.filesOf(dir)) {
      for (const cut of [1, size])
        await damaged(files.shorten(dir, name, cut), () => refused(one, `-${cut} ${name}`))
      await damaged(files.lengthen(dir, name, 1), () => refused(one, `+1 ${name}`))
      await damaged(files.remove(dir, name), () => refused(one, `no ${name}`))
    }
    await damaged(files.add(dir), () => refused(one, 'one more file'))
    await works(one)
  })

  test('is one that has files of another', async () => {
    for (const { name } of await files.filesOf(dirOf(one))) {
      await damaged(files.swap(join(dirOf(one), name), join(dirOf(two), name)), async () => {
        for (const source of [one, two]) await refused(source, name)
      })
    }
    await damaged(files.swap(dirOf(one), dirOf(two)), async () => {
      for (const source of [one, two]) await refused(source, 'all files')
    })
    for (const source of [one, two]) await works(source)
  })

  test('is found by an agent that was started after the damage was done, and works again as well', async () => {
    const dir = dirOf(one)
    for (const file of await files.filesOf(dir)) {
      const { what, damage } = flip(dir, file)
      await damaged(damage, async () => {
        await restartAgent()
        await refused(one, what)
        await works(two)
      })
      await works(one)
    }
    const manifest = join(dir, 'manifest.json')
    await damaged(files.flipBit(manifest, 0, 0), async () => {
      await restartAgent()
      await eventually(
        () => statusOf(one),
        (status) => status === 'failed',
        settleMs,
      )
      await refused(one, 'what is said to have failed')
    })
    await works(one)
    await eventually(
      () => statusOf(one),
      (status) => status === 'ready',
      settleMs,
    )
    await damaged(files.swap(dirOf(one), dirOf(two)), async () => {
      await restartAgent()
      for (const source of [one, two]) await refused(source, 'all files')
    })
    for (const source of [one, two]) await works(source)
  })

  test('from which a sandbox is to wake leaves it hibernated, and wakes it when the byte is back', async () => {
    const { id, content } = one
    for (const restart of [false, true]) {
      const before = new Set((await on.snapshots()).map(({ snapshotId }) => snapshotId))
      expect((await on.call('POST', `/v1/sandboxes/${id}/hibernate`)).status).toBe(200)
      const kept = (await on.snapshots()).filter(({ snapshotId }) => !before.has(snapshotId))
      expect(kept).toHaveLength(1)
      const dir = files.snapshotDir(on.home, kept[0]?.snapshotId ?? '')
      for (const file of await files.filesOf(dir)) {
        const { what, damage } = flip(dir, file)
        await damaged(damage, async () => {
          if (restart) await restartAgent()
          for (const [verb, body] of [['wake'], ['exec', { cmd: 'true' }]] as const) {
            const reply = await on.call('POST', `/v1/sandboxes/${id}/${verb}`, body)
            expect({ what, verb, status: reply.status, ...reply.json() }).toMatchObject({
              what,
              verb,
              status: 409,
              code: 'snapshot_corrupt',
            })
          }
          expect(await found(on, id)).toMatchObject({ status: 'hibernated' })
          expect((await on.machines()).filter(({ state }) => state === 'running')).toMatchObject([
            { sandboxId: two.id },
          ])
        })
      }
      expect((await on.call('POST', `/v1/sandboxes/${id}/wake`)).status).toBe(200)
      await goesOn(id, content)
      await noLeaks(on)
    }
  })

  test('can be deleted like any other', async () => {
    await damaged(files.flipBit(join(dirOf(two), 'manifest.json'), 0, 0), () => restartAgent())
    await files.remove(dirOf(one), 'sums.json')
    for (const { snapshot } of [one, two])
      expect((await on.call('DELETE', `/v1/snapshots/${snapshot}`)).status).toBe(204)
    await eventually(
      () => on.snapshots(),
      (there) => there.length === 0,
      settleMs,
    )
  })
})
