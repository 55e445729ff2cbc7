// How much may still be written. A volume in a sparse file is only as roomy as the disk below it, so both count.

import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DataDir } from './data-dir.ts'

export interface FreeSpace {
  freeBytes: number
  totalBytes: number
  /** Less than the watermark is left: start nothing that writes much. */
  low: boolean
}

export interface Watermark {
  leastBytes: number
  /** Of the whole, between 0 and 1. */
  leastShare: number
}

export const defaultWatermark: Watermark = { leastBytes: 2 * 1024 ** 3, leastShare: 0.05 }

interface Space {
  freeBytes: number
  totalBytes: number
}

const spaceOf = async (path: string): Promise<Space> => {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/** Room by the tightest of the given file systems. Pure. */
export const judgeSpace = (spaces: readonly Space[], watermark: Watermark): FreeSpace => {
  const freeBytes = Math.min(...spaces.map((space) => space.freeBytes))
  const totalBytes = Math.min(...spaces.map((space) => space.totalBytes))
  // A tiny installation must not be below its mark from the start.
  const markBytes = Math.min(watermark.leastBytes, totalBytes * watermark.leastShare)
  return { freeBytes, totalBytes, low: freeBytes < markBytes }
}

export const freeSpace = async (data: DataDir, watermark = defaultWatermark): Promise<FreeSpace> => {
  const paths = data.backing === 'loop' ? [data.dir, dirname(data.volumeFile)] : [data.dir]
  return judgeSpace(await Promise.all(paths.map(spaceOf)), watermark)
}
