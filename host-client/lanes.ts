// Pooled connections, one pool a machine. Owns the pools: made on first use, the least recently used one that is idle
// closed when there are too many, dropped on `release`. Idle connections end by themselves after a while.

import { Pool } from 'undici'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { openRelay } from './relay.ts'

const machinesMax = 256
const underWayMax = 256
const idleMs = 15_000

export interface Lane {
  pool: Pool
  underWay: number
}

export class Lanes implements AsyncDisposable {
  readonly #relaySocketPath: string
  readonly #lanes = new Map<string, Lane>()

  constructor(relaySocketPath: string) {
    this.#relaySocketPath = relaySocketPath
  }

  /** Counts one exchange; `leave` ends it. Each has a connection of its own, so their number is limited here. */
  enter(machineId: string): Lane {
    const lane = this.#lanes.get(machineId) ?? { pool: this.#open(machineId), underWay: 0 }
    if (lane.underWay >= underWayMax) {
      throw new PandaError(
        'rate_limited',
        `more than ${underWayMax} requests are under way in this sandbox`,
        {
          retryAfterSeconds: 1,
        },
      )
    }
    // The map's order is the order of use.
    this.#lanes.delete(machineId)
    this.#lanes.set(machineId, lane)
    lane.underWay += 1
    this.#trim()
    return lane
  }

  leave(lane: Lane): void {
    lane.underWay -= 1
  }

  release(machineId: string): void {
    const lane = this.#lanes.get(machineId)
    this.#lanes.delete(machineId)
    void lane?.pool.destroy()
  }

  get size(): number {
    return this.#lanes.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#lanes.values()].map((lane) => lane.pool.destroy())
    this.#lanes.clear()
    await Promise.all(pools)
  }

  #trim(): void {
    if (this.#lanes.size <= machinesMax) return
    for (const [machineId, lane] of this.#lanes) {
      if (lane.underWay > 0) continue
      this.release(machineId)
      return
    }
  }

  #open(machineId: string): Pool {
    return new Pool('http://guest', {
      connect: (_options, onSocket) => {
        openRelay(this.#relaySocketPath, machineId).then(
          (socket) => onSocket(null, socket),
          (error: Error) => onSocket(error, null),
        )
      },
      pipelining: 1,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      maxHeaderSize: 16_384,
    })
  }
}
