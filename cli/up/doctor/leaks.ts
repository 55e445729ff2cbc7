// What belongs to nobody: on the host as its agent sees it, and rows that call a sandbox running for which no machine is.

import { Refusal } from '../../exit-codes.ts'
import type { Home } from '../home.ts'
import { askAgent } from '../supervisor/agent-door.ts'

export interface Leak {
  kind: string
  name: string
  detail: string
}

const askMs = 60_000

interface Row {
  id: string
  status: string
}

/** A row is at home when a machine has it, and while it comes or goes. */
export const rowsWithoutMachine = (
  rows: readonly Row[],
  machines: readonly { sandboxId: string }[],
): Leak[] =>
  rows
    .filter(
      ({ id, status }) =>
        ['running', 'paused'].includes(status) && !machines.some(({ sandboxId }) => sandboxId === id),
    )
    .map(({ id, status }) => ({
      kind: 'row',
      name: id,
      detail: `a sandbox is ${status} by its row, and has no machine`,
    }))

export const findLeaks = async (home: Pick<Home, 'agentSocket'>, rows: readonly Row[]): Promise<Leak[]> => {
  const ask = async <T>(path: string): Promise<T> => {
    const { status, body } = await askAgent(home, 'GET', path, askMs).catch((cause: unknown) => {
      throw new Refusal('the host agent does not answer, and only it knows what is whose', { cause })
    })
    if (status !== 200) throw new Refusal(`the host agent answered ${status}: ${body}`)
    return JSON.parse(body) as T
  }
  const { leaks } = await ask<{ leaks: Leak[] }>('/v1/leaks')
  const { machines } = await ask<{ machines: { sandboxId: string }[] }>('/v1/machines')
  return [...leaks, ...rowsWithoutMachine(rows, machines)]
}
