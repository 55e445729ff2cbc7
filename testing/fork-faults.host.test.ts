// kill -9 of agent, control plane and sandbox at each step of capture, fork, hibernate, wake and rewind: no half object, no
// leak, nothing lost that was acknowledged, and a hibernated sandbox that can always be woken as what it was.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import {
  createSandbox,
  eventually,
  exec,
  found,
  listed,
  noLeaks,
  output,
  removeAll,
  removeSandbox,
  settlesOn,
} from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const settleMs = 60_000

describe.skipIf(reason !== null)('faults of captures and restores', () => {
  let on: Installation
  beforeAll(async () => {
    on = await startInstallation()
    await removeSandbox(on, (await createSandbox(on)).id)
  })
  afterEach(async () => {
    for (const part of [on.agent, on.controlPlane]) if (!part.alive()) await part.start()
    await removeAll(on)
    for (const { id } of await snapshotsOf(on)) await on.call('DELETE', `/v1/snapshots/${id}`)
    await nothingKept(on, [])
    await noLeaks(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  const ask = (path: string, body?: unknown): Promise<{ status: number; body: unknown }> =>
    on.call('POST', path, body).then(
      (reply) => ({ status: reply.status, body: reply.status === 204 ? null : reply.json<unknown>() }),
      () => ({ status: 0, body: null }),
    )
  /** Holds a value in the memory of a process and on the disk. */
  const prepare = async (): Promise<string> => {
    const { id } = await createSandbox(on)
    await exec(on, id, `setsid sh -c '${counter}' </dev/null >/dev/null 2>&1 &`)
    await exec(on, id, 'echo kept > /root/kept')
    return id
  }
  const goesOn = async (id: string): Promise<void> => {
    expect(await output(on, id, 'cat /root/kept')).toBe('kept')
    const before = await eventually(
      () => count(id),
      (n) => n > 0,
    )
    await eventually(
      () => count(id),
      (n) => n > before,
      settleMs,
    )
  }
  const count = async (id: string): Promise<number> =>
    Number(await output(on, id, 'cat /srv/n 2>/dev/null || echo 0'))
  const dieAt = async (part: 'agent' | 'controlPlane', point: string, pass = 1): Promise<void> => {
    await on[part].kill9()
    await on[part].start({ PANDASTACK_FAILPOINTS: `${point}=kill@${pass}` })
  }
  const backUp = async (part: 'agent' | 'controlPlane'): Promise<void> => {
    await on[part].ended()
    await on[part].start()
  }

  const agentPoints = ['snapshot.begun', 'snapshot.captured', 'snapshot.before-publish', 'snapshot.published']

  test.each(agentPoints)('the agent dies at %s of a snapshot', async (point) => {
    const id = await prepare()
    await dieAt('agent', point)
    const asked = ask(`/v1/sandboxes/${id}/snapshots`)
    await backUp('agent')
    const { status } = await asked
    expect([0, 201, 409, 503]).toContain(status)
    await goesOn(id)
    await nothingKept(
      on,
      (await snapshotsOf(on)).map((one) => one.id),
    )
    const again = await ask(`/v1/sandboxes/${id}/snapshots`)
    expect(again.status).toBe(201)
  })

  test.each(['snapshot.begun', 'snapshot.captured', 'machine.shell-taken', 'machine.restored'])(
    'the agent dies at %s of a fork',
    async (point) => {
      const id = await prepare()
      await dieAt('agent', point)
      const asked = ask(`/v1/sandboxes/${id}/fork-tree`, { count: 2 })
      await backUp('agent')
      const { status, body } = await asked
      expect([0, 201, 409, 503]).toContain(status)
      await goesOn(id)
      const told = status === 201 ? (body as { children: Sandbox[] }).children.map((child) => child.id) : []
      await settlesOn(on, [id, ...told])
      for (const child of told) await goesOn(child)
      await nothingKept(on, [])
    },
  )

  test.each([...agentPoints, 'machine.saving', 'machine.saved'])(
    'the agent dies at %s of a hibernation, and it comes to its end all the same',
    async (point) => {
      const id = await prepare()
      await dieAt('agent', point)
      const asked = ask(`/v1/sandboxes/${id}/hibernate`)
      await backUp('agent')
      await asked
      await eventually(
        () => statusOf(on, id),
        (status) => status === 'hibernated',
        settleMs,
      )
      await nothingElseKept(on, 1)
      await noLeaks(on)
      await goesOn(id)
    },
  )

  test.each(['machine.accepted', 'machine.shell-taken', 'machine.restored', 'machine.before-report'])(
    'the agent dies at %s of a wake',
    async (point) => {
      const id = await prepare()
      expect((await ask(`/v1/sandboxes/${id}/hibernate`)).status).toBe(200)
      await dieAt('agent', point)
      const asked = ask(`/v1/sandboxes/${id}/wake`)
      await backUp('agent')
      expect([0, 200, 409, 503]).toContain((await asked).status)
      await eventually(() => exec(on, id, 'true').then(() => true), Boolean, settleMs)
      await goesOn(id)
      await settlesOn(on, [id])
    },
  )

  test.each([
    ['snapshots', 'snapshot.stored'],
    ['snapshots', 'snapshot.taken'],
    ['fork', 'fork.captured'],
    ['fork', 'fork.child-stored'],
    ['fork', 'reconcile.after-ensure'],
    ['hibernate', 'hibernate.stored'],
    ['hibernate', 'reconcile.before-ensure'],
    ['hibernate', 'reconcile.after-ensure'],
    ['rewind', 'bring.stored'],
    ['rewind', 'bring.answered'],
  ])('the control plane dies in the middle of %s, at %s', async (verb, point) => {
    const id = await prepare()
    if (verb === 'rewind') expect((await ask(`/v1/sandboxes/${id}/checkpoints`)).status).toBe(201)
    // A start comes by there as well, to tell the host how long the sandbox has.
    await dieAt('controlPlane', point, point.startsWith('reconcile.') ? 2 : 1)
    expect((await ask(`/v1/sandboxes/${id}/${verb}`)).status).toBe(0)
    await backUp('controlPlane')
    await eventually(() => exec(on, id, 'true').then(() => true), Boolean, settleMs)
    await goesOn(id)
    await settlesOn(on, [id])
    if (verb === 'snapshots') await nothingKept(on, [])
  })

  test.each(['bring.stored', 'bring.answered'])('the control plane dies at %s of a wake', async (point) => {
    const id = await prepare()
    expect((await ask(`/v1/sandboxes/${id}/hibernate`)).status).toBe(200)
    await dieAt('controlPlane', point)
    expect((await ask(`/v1/sandboxes/${id}/wake`)).status).toBe(0)
    await backUp('controlPlane')
    await eventually(() => exec(on, id, 'true').then(() => true), Boolean, settleMs)
    await goesOn(id)
    await settlesOn(on, [id])
  })

  test('attempts end with the control plane that ran them', async () => {
    const id = await prepare()
    const asked = ask(`/v1/sandboxes/${id}/attempts`, { commands: ['sleep 60', 'sleep 60', 'sleep 60'] })
    await eventually(
      () => listed(on),
      (all) => all.filter(({ status }) => status === 'running').length >= 3,
      settleMs,
    )
    await on.controlPlane.kill9()
    await on.controlPlane.start()
    await asked
    await settlesOn(on, [id])
    await nothingKept(on, [])
  })

  test('the sandbox dies while it is hibernated: it is said to have failed, and nothing is kept', async () => {
    const id = await prepare()
    const pid = (await on.call('GET', `/v1/sandboxes/${id}/metrics`)).json<{ pid: number }>().pid
    await on.agent.kill9()
    await on.agent.start({ PANDASTACK_FAILPOINTS: 'snapshot.begun=delay:1500' })
    const asked = ask(`/v1/sandboxes/${id}/hibernate`)
    await eventually(
      () => on.machines(),
      (all) => all.some(({ state }) => state === 'saving'),
    )
    process.kill(pid, 'SIGKILL')
    expect([409, 503]).toContain((await asked).status)
    await eventually(
      () => statusOf(on, id),
      (status) => status === 'failed',
      settleMs,
    )
    await nothingKept(on, [])
  })
})

const counter = 'n=0; while :; do n=$((n+1)); echo $n > /srv/n.new; mv /srv/n.new /srv/n; sleep 0.1; done'

const statusOf = async (on: Installation, id: string): Promise<string> =>
  (await found(on, id))?.status ?? 'none'

const snapshotsOf = async (on: Installation): Promise<{ id: string }[]> =>
  (await on.call('GET', '/v1/snapshots')).json<{ snapshots: { id: string }[] }>().snapshots

/** On the host there are these, and none in the making. */
const nothingKept = async (on: Installation, ids: readonly string[]): Promise<void> => {
  const wanted = JSON.stringify(ids.toSorted())
  await eventually(
    async () => (await on.snapshots()).map(({ snapshotId }) => snapshotId),
    (there) => JSON.stringify(there.toSorted()) === wanted,
    settleMs,
  )
}

const nothingElseKept = async (on: Installation, count: number): Promise<void> => {
  await eventually(
    async () => (await on.snapshots()).filter(({ state }) => state === 'ready').length,
    (there) => there === count,
    settleMs,
  )
}
