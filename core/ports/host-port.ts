// What core needs of a host. Implemented over the host wire by host-client, and by nothing else.

import type {
  HostInfo,
  LeakReport,
  MachineReport,
  MachineSpec,
  MachineStats,
} from '@pandastack/contracts/wire/host/v1/machines.ts'
import type {
  ChangedFile,
  SnapshotReport,
  SnapshotSpec,
} from '@pandastack/contracts/wire/host/v1/snapshots.ts'

/** Files of a machine's disk that differ from its image. */
export interface Changes {
  files: ChangedFile[]
  /** There are more. */
  truncated: boolean
  /** Digest of the image. */
  image: string
}

export interface HostPort {
  /**
   * Makes the machine what the spec says and answers with its report once that is so, it has failed, or `waitMs` is over.
   * Safe to repeat. Throws `HostUnreachable` when the agent does not answer; then nothing is known about the outcome.
   */
  ensure(spec: MachineSpec, options: { waitMs: number; signal?: AbortSignal }): Promise<MachineReport>
  machines(): Promise<MachineReport[]>
  /** Tells the agent that the end of this machine is stored, so its ledger may forget it. */
  forget(machineId: string): Promise<void>
  /**
   * Makes the snapshot and answers with its report once it is ready, has failed, or `waitMs` is over. Safe to repeat.
   * Throws `HostRefused` with code `nothing_there` when there is no such machine or snapshot to take it of.
   */
  takeSnapshot(spec: SnapshotSpec, options: { waitMs: number; signal?: AbortSignal }): Promise<SnapshotReport>
  snapshots(): Promise<SnapshotReport[]>
  dropSnapshot(snapshotId: string): Promise<void>
  changes(of: { machineId: string } | { snapshotId: string }, signal?: AbortSignal): Promise<Changes>
  stats(machineId: string): Promise<MachineStats | null>
  /** All reports, then every change, until the signal aborts; reconnects by itself. */
  follow(onReport: (report: MachineReport) => void, signal: AbortSignal): Promise<void>
  info(): Promise<HostInfo>
  bake(
    template: string,
    onProgress: (step: string, percent: number) => void,
    signal?: AbortSignal,
  ): Promise<void>
  leaks(): Promise<LeakReport>
}

export class HostUnreachable extends Error {
  override name = 'HostUnreachable'
}

/** The agent answered and said no, in its own words; `code` is the wire's (`stale_intent`, `unknown_template`, ...). */
export class HostRefused extends Error {
  override name = 'HostRefused'
  readonly status: number
  readonly code: string

  constructor(message: string, options: { status: number; code: string }) {
    super(message)
    this.status = options.status
    this.code = options.code
  }
}
