// Snapshots of a scripted host: what its machines held, kept under an id, with the reports that the host wire promises.

import { setTimeout as sleep } from 'node:timers/promises'
import type { SnapshotReport, SnapshotSpec } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { HostRefused } from '@pandastack/core/ports/host-port.ts'

export type Content = Map<string, string>

export interface FakeSnapshots {
  readonly held: Map<string, { report: SnapshotReport; content: Content }>
  /** The next one fails for this reason. */
  failNext: NonNullable<SnapshotReport['failure']>['code'] | null
  /** How long each takes. */
  captureMs: number
  take(spec: SnapshotSpec, contentOf: (machineId: string) => Content | undefined): Promise<SnapshotReport>
  /** Without waiting. */
  keep(id: string, durable: boolean, content: Content): SnapshotReport
}

const reportOf = (snapshotId: string, durable: boolean): SnapshotReport => ({
  snapshotId,
  state: 'ready',
  durable,
  digest: durable ? `digest of ${snapshotId}` : '',
  uniqueBytes: 1000,
  sharedBytes: 24,
  pauseMs: 7,
  tier: 'none',
  driver: 'fake',
  driverVersion: '1',
  failure: null,
})

export const createFakeSnapshots = (): FakeSnapshots => {
  const held: FakeSnapshots['held'] = new Map()
  const keep: FakeSnapshots['keep'] = (id, durable, content) => {
    const code = fake.failNext
    fake.failNext = null
    const report = reportOf(id, durable)
    if (code) return { ...report, state: 'failed', failure: { code, message: `scripted: ${code}` } }
    held.set(id, { report, content: new Map(content) })
    return report
  }
  const fake: FakeSnapshots = {
    held,
    failNext: null,
    captureMs: 1,
    keep,
    async take({ snapshotId, from, durable }, contentOf) {
      const known = held.get(snapshotId)
      if (known) return known.report
      const content = from.kind === 'machine' ? contentOf(from.machineId) : held.get(from.snapshotId)?.content
      if (!content) throw new HostRefused('nothing is there', { status: 404, code: 'nothing_there' })
      const copy = new Map(content)
      await sleep(fake.captureMs)
      return keep(snapshotId, durable, copy)
    },
  }
  return fake
}
