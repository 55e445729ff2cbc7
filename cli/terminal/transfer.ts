// How far a transfer is, for people: shown only on a terminal and only once it takes longer than a moment.

import { durationText, sizeText } from '../text/duration.ts'
import type { Screen } from './steps.ts'

const firstMs = 700
const redrawMs = 200
const barCells = 24

/** `######......  41 %  1.2 MiB of 2.9 MiB  0.8 MiB/s  2 s left` */
export const transferLine = (doneBytes: number, totalBytes: number | null, elapsedMs: number): string => {
  const perSecond = elapsedMs > 0 ? (doneBytes / elapsedMs) * 1000 : 0
  const speed = `${sizeText(Math.round(perSecond))}/s`
  if (totalBytes === null || totalBytes === 0) return `${sizeText(doneBytes)}  ${speed}`
  const share = Math.min(1, doneBytes / totalBytes)
  const cells = Math.floor(share * barCells)
  const bar = '#'.repeat(cells) + '.'.repeat(barCells - cells)
  const left = perSecond > 0 ? `  ${durationText(((totalBytes - doneBytes) / perSecond) * 1000)} left` : ''
  return `${bar}  ${Math.floor(share * 100)} %  ${sizeText(doneBytes)} of ${sizeText(totalBytes)}  ${speed}${left}`
}

export interface Transfer extends Disposable {
  /** Counts what passes through. */
  through(): TransformStream<Uint8Array, Uint8Array>
  readonly doneBytes: number
}

export const showTransfer = (screen: Screen, totalBytes: number | null): Transfer => {
  const began = performance.now()
  let doneBytes = 0
  let drawn = false
  const draw = (): void => {
    const elapsedMs = performance.now() - began
    if (elapsedMs < firstMs) return
    drawn = true
    screen.write(
      `\r\u001b[K${transferLine(doneBytes, totalBytes, elapsedMs).slice(0, (screen.columns ?? 80) - 1)}`,
    )
  }
  const timer = screen.isTTY === true ? setInterval(draw, redrawMs) : undefined
  return {
    get doneBytes() {
      return doneBytes
    },
    through: () =>
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          doneBytes += piece.byteLength
          controller.enqueue(piece)
        },
      }),
    [Symbol.dispose]: () => {
      clearInterval(timer)
      if (drawn) screen.write('\r\u001b[K')
    },
  }
}
