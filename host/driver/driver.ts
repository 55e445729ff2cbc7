// The driver contract. A driver runs machines by one isolation technique and knows nothing of tenants, sandboxes,
// templates, ledgers or time to live. It owns what is inside `place.dir` and the processes it started; the place itself
// (directory, slot, uid range, cgroup) belongs to the agent, which makes it before and removes it after.
//
//      prepare ──► shell ──► boot ────┐
//                    │                ▼
//                    └────► restore ► running ⇄ paused
//                                     │  ▲        │
//                                     │  └ capture┘        (a capture leaves either as it was)
//                                     ▼
//                                    dead  (kill, or by itself)
//
// Promises, each proven by `conformance/`:
//  1. `probe` does what it claims before it claims it: it runs a machine, or says in words why it cannot.
//  2. A shell holds nothing of any guest. It may be made long ahead and thrown away.
//  3. A restored machine goes on where the captured one stood: counters in memory go on, files written before the
//     capture are there, files written after it in one machine are not in the other, a listening server answers.
//  4. Capturing leaves the source as it was, running or paused, when asked to, and never changes what it computed. A
//     copy of a paused machine runs.
//  5. `kill` ends every process of the machine, however the machine feels about it, and may be repeated.
//  6. Machines do not die with the agent: they are started detached, and `recover` finds them by process identity.
//  7. Files of the host are never written through the guest, and the guest sees only its image and its own disk.
//
// Errors: `DriverError` with a kind the agent can act on. Every call takes a signal and gives up when it aborts;
// what it had started by then is ended before it throws.

import type { Image, Limits, MachineHandle, Place, Snapshot } from './values.ts'

export type Tier = 'hardware' | 'user-kernel' | 'emulated' | 'none'

export interface Probe {
  usable: boolean
  tier: Tier
  version: string
  /** A sentence: what was tried and what came of it. */
  reason: string
}

/** What a driver can do, as data: upper layers ask this and never the driver's name. */
export interface Capabilities {
  /** Restored guests have the right wall clock and fresh kernel random numbers without the agent's help. */
  freshClockAndEntropy: boolean
  liveCapture: boolean
  /** A shell fits only the image it was prepared for. */
  shellBoundToImage: boolean
  /** `changes` works: it can tell which files of a machine's disk differ from its image. */
  changedFiles: boolean
}

export interface Captured {
  /** For how long the source stood still because of the capture, at most. */
  pauseMs: number
}

export interface Stats {
  pid: number
  uptimeSeconds: number
  cpuSeconds: number
  rssBytes: number
  vszBytes: number
  threads: number
}

export interface Driver {
  readonly name: string
  readonly capabilities: Capabilities
  probe(signal: AbortSignal): Promise<Probe>
  /** An empty shell in this place, ready to take a guest of this image. */
  prepare(place: Place, image: Image, limits: Limits, signal: AbortSignal): Promise<MachineHandle>
  /** Starts the image's first process in a shell. Slow; only templates are made this way. */
  boot(shell: MachineHandle, signal: AbortSignal): Promise<void>
  /** Makes the shell the machine that was captured. It runs when this returns. */
  restore(shell: MachineHandle, snapshot: Snapshot, signal: AbortSignal): Promise<void>
  /** Writes memory, device state and disk of one instant into `dir` (which exists and is empty). Flushes nothing. */
  capture(
    machine: MachineHandle,
    dir: string,
    options: { leaveRunning: boolean },
    signal: AbortSignal,
  ): Promise<Captured>
  /**
   * Files of a machine's root disk (running, paused, or restored a moment ago) that differ from its image: lines of
   * JSON in `file`, each a `ChangedFile` of the host wire and the last one a `changesEnd`. At most `entriesMax` of them.
   */
  changes(
    machine: MachineHandle,
    file: string,
    options: { entriesMax: number },
    signal: AbortSignal,
  ): Promise<void>
  pause(machine: MachineHandle, signal: AbortSignal): Promise<void>
  resume(machine: MachineHandle, signal: AbortSignal): Promise<void>
  /** Ends the machine or shell and removes what the driver keeps outside `place.dir`. Never refuses. */
  kill(machine: MachineHandle): Promise<void>
  stats(machine: MachineHandle): Promise<Stats | null>
  /** What a machine from the ledger is now. Asks the kernel, not the driver's own records. */
  recover(machine: MachineHandle): Promise<'running' | 'paused' | 'dead'>
  /** Processes of this driver on this host that none of the known machines accounts for. */
  strays(known: readonly MachineHandle[]): Promise<{ pid: number; detail: string }[]>
  /** Takes away what the driver keeps on the host for all machines. Only when none is left. */
  release(): Promise<void>
}

export type DriverErrorKind =
  | 'unusable'
  | 'no_space'
  | 'incompatible_snapshot'
  | 'corrupt_snapshot'
  | 'dead'
  | 'deadline'
  | 'failed'

export class DriverError extends Error {
  override name = 'DriverError'
  readonly kind: DriverErrorKind
  constructor(kind: DriverErrorKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}
