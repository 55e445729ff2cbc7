// Long work as one line a step, with time and, where known, percent. On a terminal the line of the step at work is
// rewritten; elsewhere a step has a line when it begins, one now and then, and one when it ends.

import { durationText } from '../text/duration.ts'

export interface Screen {
  isTTY?: boolean | undefined
  columns?: number | undefined
  rows?: number | undefined
  write(text: string): unknown
}

export type Report = (detail: string, percent?: number) => void

export interface Steps {
  heading(text: string): void
  note(text: string, level?: 'ok' | 'warn' | 'skip'): void
  /** Runs the work and shows how it goes; a failure is shown and thrown on. A result can be judged a failure too. */
  run<T>(label: string, work: (report: Report) => Promise<T>, isGood?: (value: T) => boolean): Promise<T>
}

const redrawMs = 250
const plainEveryMs = 15_000

const detailText = (detail: string, percent: number | undefined): string =>
  [percent === undefined ? '' : `${Math.round(percent)} %`, detail].filter((part) => part !== '').join('  ')

const line = (level: string, label: string, elapsedMs: number, detail: string): string =>
  `  ${level.padEnd(5)} ${label}  ${durationText(elapsedMs)}${detail === '' ? '' : `  ${detail}`}`

export const createSteps = (screen: Screen): Steps => {
  const live = screen.isTTY === true

  const run = async <T>(
    label: string,
    work: (report: Report) => Promise<T>,
    isGood: (value: T) => boolean = () => true,
  ): Promise<T> => {
    const began = performance.now()
    const elapsed = (): number => performance.now() - began
    let detail = ''
    let result = ''
    const draw = (): void => {
      const text = line('...', label, elapsed(), detail)
      screen.write(live ? `\r\u001b[K${text.slice(0, (screen.columns ?? 80) - 1)}` : `${text}\n`)
    }
    if (!live) screen.write(`  ...   ${label}\n`)
    const timer = setInterval(draw, live ? redrawMs : plainEveryMs)
    const end = (level: string): void => {
      clearInterval(timer)
      screen.write(`${live ? '\r\u001b[K' : ''}${line(level, label, elapsed(), result)}\n`)
    }
    try {
      const value = await work((text, percent) => {
        detail = detailText(text, percent)
        // What is said without a percentage is a finding and stays on the line.
        result = percent === undefined ? text : ''
      })
      end(isGood(value) ? 'ok' : 'fail')
      return value
    } catch (error) {
      end('fail')
      throw error
    }
  }

  return {
    run,
    heading: (text) => void screen.write(`${text}\n`),
    note: (text, level = 'ok') => void screen.write(`  ${level.padEnd(5)} ${text}\n`),
  }
}
