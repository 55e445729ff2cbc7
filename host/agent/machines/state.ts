// Which state a machine goes to on which event; everything else is refused. Pure.
//
//   starting ─started─► running ⇄ paused ──save──► saving ──saved──► saved
//      │ failed            │ died      │             │ resumed, paused: it could not be saved and goes on as it was
//      ▼                   ▼           ▼             │
//    failed ◄──────────────┴───────────┴─────────────┘
//      any but gone ─end─► stopping ─ended─► gone           (running, too, can be saved)

import type { MachineState } from '@pandastack/contracts/wire/host/v1/machines.ts'

export type MachineEvent =
  | 'started'
  | 'failed'
  | 'paused'
  | 'resumed'
  | 'save'
  | 'saved'
  | 'died'
  | 'end'
  | 'ended'

const table: Record<MachineState, Partial<Record<MachineEvent, MachineState>>> = {
  starting: { started: 'running', failed: 'failed', end: 'stopping' },
  running: { paused: 'paused', save: 'saving', died: 'failed', end: 'stopping' },
  paused: { resumed: 'running', save: 'saving', died: 'failed', end: 'stopping' },
  saving: { saved: 'saved', resumed: 'running', paused: 'paused', died: 'failed', end: 'stopping' },
  saved: { end: 'stopping' },
  stopping: { ended: 'gone' },
  failed: { end: 'stopping' },
  gone: {},
}

/** The next state, or null when this event has no place in this state. */
export const next = (state: MachineState, event: MachineEvent): MachineState | null =>
  table[state][event] ?? null

/** States in which a process of the machine may exist. */
export const isLive = (state: MachineState): boolean =>
  state === 'starting' || state === 'running' || state === 'paused' || state === 'saving'
