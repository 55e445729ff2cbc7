// Paths inside a sandbox. They are resolved there, against the sandbox's own root: here only what no file system takes
// is refused.

import { z } from 'zod'

export const path = z
  .string()
  .min(1, 'path is empty')
  .max(4096, 'path is longer than 4096 characters')
  .refine((text) => !text.includes('\0'), 'path contains NUL')
  .refine((text) => text.isWellFormed(), 'path is not valid Unicode')

export const pathQuery = z.object({ path })

export const filesAt = (what: '' | '/dir' | '/stat', text: string): string =>
  `/v1/files${what}?path=${encodeURIComponent(text)}`

/** Longest silence of the guest while it changes files: a large tree takes its time. */
export const fileSilenceMs = 120_000
/** And while it reads: before the published clients give up, so that they hear why. */
export const readSilenceMs = 25_000
