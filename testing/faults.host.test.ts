// Everything is killed once, in the middle of everything: what was acknowledged stays, what ran runs on, and what was
// half made is taken away.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Event, Lifecycle, Sandbox } from '@pandastack/contracts/http/shapes.ts'
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
import { openStream, type OpenStream } from './installation/stream.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const counter = 'n=0; while :; do n=$((n+1)); echo $n > /srv/n.new; mv /srv/n.new /srv/n; sleep 0.1; done'
const ticking = 'while :; do echo tick; sleep 0.2; done'
const answersMs = 15_000

describe.skipIf(reason !== null)('faults', () => {
  let on: Installation
  beforeAll(async () => {
    on = await startInstallation()
    // The bake of the template is no part of what is tested here.
    await removeSandbox(on, (await createSandbox(on)).id)
  })
  afterEach(async () => {
    for (const part of [on.postgres, on.agent, on.controlPlane]) if (!part.alive()) await part.start()
    await removeAll(on)
    await noLeaks(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  const pidOf = async (id: string): Promise<number> =>
    (await on.call('GET', `/v1/sandboxes/${id}/metrics`)).json<{ pid: number }>().pid
  const lifecycleOf = async (id: string): Promise<Lifecycle> =>
    (await on.call('GET', `/v1/sandboxes/${id}/lifecycle`)).json<Lifecycle>()
  const count = async (id: string): Promise<number> => Number(await output(on, id, 'cat /srv/n'))
  /** No answer at all counts as one: the server may be the one that is down. */
  const statusOf = (method: string, path: string, body?: unknown): Promise<number> =>
    on.call(method, path, body).then(
      ({ status }) => status,
      () => 0,
    )

  describe.each(['controlPlane', 'agent', 'postgres'] as const)('kill -9 of %s', (name) => {
    test('running sandboxes run on and answer, and nothing acknowledged is lost', async () => {
      const busy = await Promise.all(Array.from({ length: 4 }, () => createSandbox(on)))
      const quiet = await createSandbox(on, { metadata: { kept: 'yes' }, ttl_seconds: 300 })
      const ended = await createSandbox(on)
      await removeSandbox(on, ended.id)
      const streams: OpenStream[] = []
      for (const { id } of busy) {
        await exec(on, id, `setsid sh -c '${counter}' </dev/null >/dev/null 2>&1 &`)
        streams.push(await openStream(on, id, ticking))
      }
      await sleep(500)
      const before = await Promise.all(
        busy.map(async ({ id }) => ({ pid: await pidOf(id), count: await count(id) })),
      )
      const expiry = (await lifecycleOf(quiet.id)).expires_at
      // What is in memory only is written back once a second.
      await sleep(1200)

      await on[name].kill9()
      const target = busy[0] as Sandbox
      const whileDown = [
        await statusOf('POST', `/v1/sandboxes/${target.id}/exec`, { cmd: 'true' }),
        await statusOf('POST', '/v1/sandboxes', { template: 'base' }),
        await statusOf('GET', `/v1/sandboxes/${target.id}`),
      ]
      expect(whileDown, 'an outage is no internal error').not.toContain(500)
      await on[name].start()

      for (const [i, { id }] of busy.entries()) {
        await eventually(
          () => exec(on, id, 'cat /srv/n'),
          ({ stdout }) => Number(stdout) > (before[i]?.count ?? Infinity),
          answersMs,
        )
        expect(await pidOf(id)).toBe(before[i]?.pid)
      }
      const ids = (await listed(on)).map(({ id }) => id)
      for (const { id } of [...busy, quiet]) expect(ids).toContain(id)
      expect(await found(on, quiet.id)).toMatchObject({ status: 'running', metadata: { kept: 'yes' } })
      const after = (await lifecycleOf(quiet.id)).expires_at
      expect(Math.abs(Date.parse(String(after)) - Date.parse(String(expiry)))).toBeLessThan(1000)
      expect(await found(on, ended.id)).toBeNull()
      if (name === 'postgres') {
        for (const stream of streams) expect(await stream.goesOn(), 'a stream needs no database').toBe(true)
      }
      await Promise.all(streams.map((stream) => stream.close()))
      await createSandbox(on)
    })
  })

  test.each(['machine.accepted', 'machine.shell-taken', 'machine.restored', 'machine.before-report'])(
    'kill -9 of the agent at %s of a create leaves a sandbox or nothing',
    async (point) => {
      const neighbour = await createSandbox(on)
      const pid = await pidOf(neighbour.id)
      await on.agent.kill9()
      await on.agent.start({ PANDASTACK_FAILPOINTS: `${point}=kill` })
      const asked = on.call('POST', '/v1/sandboxes', { template: 'base', ttl_seconds: 600 })
      await on.agent.ended()
      await on.agent.start()
      const reply = await asked
      expect([201, 503]).toContain(reply.status)
      const expected = [neighbour.id, ...(reply.status === 201 ? [reply.json<Sandbox>().id] : [])]
      await settlesOn(on, expected)
      expect(await pidOf(neighbour.id)).toBe(pid)
    },
  )

  test('kill -9 of the agent in the middle of a delete ends in a deleted sandbox', async () => {
    const doomed = await createSandbox(on)
    await on.agent.kill9()
    await on.agent.start({ PANDASTACK_FAILPOINTS: 'machine.stopping=kill' })
    const asked = on.call('DELETE', `/v1/sandboxes/${doomed.id}`)
    await on.agent.ended()
    await on.agent.start()
    expect((await asked).status).toBe(204)
    await settlesOn(on, [])
  })

  test.each(['create.stored', 'reconcile.before-ensure', 'reconcile.after-ensure'])(
    'kill -9 of the control plane at %s of a create leaves nothing',
    async (point) => {
      await on.controlPlane.kill9()
      await on.controlPlane.start({ PANDASTACK_FAILPOINTS: `${point}=kill` })
      const asked = on.call('POST', '/v1/sandboxes', { template: 'base' })
      await expect(asked).rejects.toThrow()
      await on.controlPlane.ended()
      await on.controlPlane.start()
      await settlesOn(on, [])
    },
  )

  test('a create with an Idempotency-Key that was cut off by a crash is finished for whoever asks again', async () => {
    await on.controlPlane.kill9()
    await on.controlPlane.start({ PANDASTACK_FAILPOINTS: 'reconcile.after-ensure=kill' })
    const ask = () =>
      on.call('POST', '/v1/sandboxes', { template: 'base' }, { headers: { 'idempotency-key': 'once' } })
    await expect(ask()).rejects.toThrow()
    await on.controlPlane.start()
    const [first, second] = [await ask(), await ask()]
    expect([first.status, second.status]).toEqual([201, 201])
    expect(first.json<Sandbox>().id).toBe(second.json<Sandbox>().id)
    await settlesOn(on, [first.json<Sandbox>().id])
  })

  test('a sandbox whose process is killed is said to have failed, with the reason, and is freed', async () => {
    const victim = await createSandbox(on)
    const stream = await openStream(on, victim.id, ticking)
    process.kill(await pidOf(victim.id), 'SIGKILL')
    const failed = await eventually(
      () => found(on, victim.id),
      (sandbox) => sandbox?.status === 'failed',
    )
    expect(failed?.failure).toContain('ended by itself')
    expect(await stream.goesOn()).toBe(false)
    expect(await statusOf('POST', `/v1/sandboxes/${victim.id}/exec`, { cmd: 'true' })).toBe(409)
    await eventually(
      () => on.machines(),
      (machines) => machines.length === 0,
    )
    await noLeaks(on)
  })

  test('a sandbox that does not move any more holds nobody up and can be deleted', async () => {
    const stopped = await createSandbox(on)
    process.kill(await pidOf(stopped.id), 'SIGSTOP')
    const calls = [
      statusOf('POST', `/v1/sandboxes/${stopped.id}/exec`, { cmd: 'true', timeout_seconds: 1 }),
      statusOf('GET', `/v1/sandboxes/${stopped.id}/fs/dir?path=/`),
    ]
    for (const status of await Promise.all(calls)) expect([502, 503, 504]).toContain(status)
    await removeSandbox(on, stopped.id)
    await settlesOn(on, [])
  })

  test('ten sandboxes are gone at the second that they were told', async () => {
    const mortal = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { id } = await createSandbox(on, { ttl_seconds: 3 })
        return { id, expiry: (await lifecycleOf(id)).expires_at }
      }),
    )
    for (const { id, expiry } of mortal) {
      await eventually(
        () => found(on, id),
        (sandbox) => sandbox === null,
      )
      const { events } = (await on.call('GET', `/v1/sandboxes/${id}/events`)).json<{ events: Event[] }>()
      const end = events.find(({ type }) => type === 'sandbox.deleted')
      expect(end?.payload).toMatchObject({ reason: 'expired' })
      const lateMs = Date.parse(String(end?.time)) - Date.parse(String(expiry))
      expect(lateMs).toBeGreaterThan(-50)
      expect(lateMs).toBeLessThan(1000)
    }
    await settlesOn(on, [])
  })

  test('a sandbox ends in time also while the control plane is away', async () => {
    const mortal = await createSandbox(on)
    await on.call('PATCH', `/v1/sandboxes/${mortal.id}/lifecycle`, { ttl_seconds: 2 })
    await on.controlPlane.kill9()
    const ended = await eventually(
      () => on.machines(),
      (machines) => machines.every(({ state }) => state === 'gone'),
    )
    expect(ended).toMatchObject([{ sandboxId: mortal.id, reason: 'expired' }])
    await on.controlPlane.start()
    await settlesOn(on, [])
  })

  test('thirty creates at once all succeed', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => createSandbox(on)))
    expect(new Set(all.map(({ id }) => id)).size).toBe(30)
    const names = await Promise.all(all.map(({ id }) => output(on, id, 'hostname')))
    expect(new Set(names).size).toBe(30)
  })
})
