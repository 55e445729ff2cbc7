// Reads how far a package installation is out of the log it writes. The shares were measured; they only have to be
// roughly right and never go back. Pure, except for `follow`, which looks at a file at intervals.

import { readFile } from 'node:fs/promises'

export interface Progress {
  image: string
  step: 'check' | 'packages' | 'configure' | 'seal' | 'publish' | 'done'
  /** Of the whole image, 0 to 100. */
  percent: number
}

export type OnProgress = (progress: Progress) => void

const bootstrapStages: [string, number][] = [
  ['running apt-get update', 2],
  ['downloading packages with apt', 8],
  ['extracting archives', 40],
  ['installing essential packages', 60],
  ['installing remaining packages', 70],
  ['cleaning package lists', 98],
]

/** Percent of a bootstrap from bare. */
export const bootstrapPercent = (log: string): number =>
  bootstrapStages.findLast(([marker]) => log.includes(marker))?.[1] ?? 0

/** Percent of an installation into an existing tree. */
export const installPercent = (log: string): number => {
  const total = Number(/(\d+) newly installed/.exec(log)?.[1] ?? 0)
  if (total === 0) return 5
  const count = (pattern: RegExp): number => Math.min(total, log.match(pattern)?.length ?? 0)
  const done = count(/^Get:/gm) + count(/^Unpacking /gm) + count(/^Setting up /gm)
  return Math.round(5 + (95 * done) / (3 * total))
}

const intervalMs = 400

/** Hands over the file's text at intervals until disposed. */
export const follow = (path: string, use: (text: string) => void): Disposable => {
  const over = new AbortController()
  const look = (): void => {
    void readFile(path, 'utf8').then(
      (text) => over.signal.aborted || use(text),
      () => undefined,
    )
  }
  const timer = setInterval(look, intervalMs)
  return {
    [Symbol.dispose]() {
      over.abort()
      clearInterval(timer)
    },
  }
}
