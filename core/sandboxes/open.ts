// Talking to a sandbox: authorise, wake it if it is hibernated, mark as used, hand out the way to its guest. For one that
// runs there is no database on this path.

import type { Duplex } from 'node:stream'
import { can } from '@pandastack/contracts/states/sandbox.ts'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import type { Context } from '../context.ts'
import type { Caller, OpenSandbox } from '../core.ts'
import type { GuestReply, GuestRequest } from '../ports/guest-port.ts'
import { conflict, notFound } from '../refusals.ts'
import { beforeCommand } from './checkpoints.ts'
import { touch } from './expire.ts'
import { known, owned } from './owned.ts'
import { portsOf } from './ports.ts'
import { markUsed } from './registry.ts'
import type { Live } from './registry.ts'
import { toSandbox } from './shape.ts'
import { rearm } from './use.ts'
import { awake } from './awake.ts'

export type PortAccess = { kind: 'public' } | { kind: 'signed' } | { kind: 'caller'; caller: Caller }

export const open = async (ctx: Context, caller: Caller, id: string): Promise<OpenSandbox> =>
  handle(ctx, await owned(ctx, caller, id))

export const openPort = async (
  ctx: Context,
  id: string,
  port: number,
  access: PortAccess,
): Promise<OpenSandbox> => {
  const live = await known(ctx, id)
  if (access.kind === 'caller' && live.row.project_id !== access.caller.projectId) throw notFound()
  if (access.kind === 'public') {
    const ports = await portsOf(ctx, live)
    if (!ports.some((entry) => entry.port === port && entry.public)) throw notFound()
  }
  return handle(ctx, live)
}

export const glance = async (
  ctx: Context,
  caller: Caller,
  id: string,
  request: GuestRequest,
): Promise<GuestReply> => {
  const { guest, machineId, token } = wayIn(ctx, await owned(ctx, caller, id))
  return guest.request(machineId, token, request)
}

const wayIn = (ctx: Context, { row, secrets }: Live) => {
  if (!can.exec(row.status)) throw conflict(`the sandbox is ${row.status}`)
  return { guest: ctx.hosts.link(row.host).guest, machineId: row.machine_id, token: secrets.guestToken }
}

const handle = async (ctx: Context, live: Live): Promise<OpenSandbox> => {
  await awake(ctx, live)
  const { guest, machineId, token } = wayIn(ctx, live)
  await touch(ctx, live)
  const request = async (wish: GuestRequest): Promise<GuestReply> => {
    const using = use(ctx, live)
    try {
      const reply = await guest.request(machineId, token, wish)
      reply.body.once('close', () => using[Symbol.dispose]())
      return reply
    } catch (error) {
      using[Symbol.dispose]()
      throw error
    }
  }
  const tunnel = async (port: number, signal?: AbortSignal): Promise<Duplex> => {
    const using = use(ctx, live)
    try {
      const stream = await guest.tunnel(machineId, token, port, signal)
      stream.once('close', () => using[Symbol.dispose]())
      return stream
    } catch (error) {
      using[Symbol.dispose]()
      throw error
    }
  }
  return {
    get sandbox(): Sandbox {
      return toSandbox(live, ctx.clock)
    },
    request,
    tunnel,
    beforeCommand: (cmd) => beforeCommand(ctx, live, cmd),
    use: () => use(ctx, live),
  }
}

/** While any is held, the sandbox is not idle. */
const use = (ctx: Context, live: Live): Disposable => {
  live.uses += 1
  let held = true
  return {
    [Symbol.dispose]() {
      if (!held) return
      held = false
      live.uses -= 1
      markUsed(live, ctx.clock)
      if (live.uses === 0) rearm(ctx, live)
    },
  }
}
