// The outcomes of attempts as a table, the winner marked. Pure.

import type { AttemptOutcome, AttemptsResult } from '@pandastack/client/client.ts'
import { durationText } from './duration.ts'
import { table } from './table.ts'

const head = ['', 'ATTEMPT', 'STATE', 'EXIT', 'SCORE', 'TIME', 'FILES', 'SANDBOX']
const labelMax = 60

/** A command can be a whole program. */
export const shortLabel = (label: string): string => {
  const line = label.split('\n', 1)[0] ?? ''
  return line.length > labelMax || line !== label ? `${line.slice(0, labelMax - 1)}…` : line
}

const row = (outcome: AttemptOutcome, winner: number | null): string[] => [
  outcome.index === winner ? '*' : '',
  shortLabel(outcome.label),
  outcome.state.replaceAll('_', ' '),
  outcome.exit_code === null ? '' : String(outcome.exit_code),
  outcome.score === null ? '' : String(outcome.score),
  durationText(outcome.duration_ms),
  String(outcome.files.length),
  outcome.sandbox_id ?? '',
]

export const attemptsTable = ({ outcomes, winner }: AttemptsResult): string =>
  table(
    head,
    outcomes.map((outcome) => row(outcome, winner)),
  )
