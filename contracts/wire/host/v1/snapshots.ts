// The host wire's half for snapshots: captures of machines, kept on the host that took them.

import { z } from 'zod'

/** `PUT /v1/snapshots/{snapshotId}`. Repeating it is harmless: a snapshot that is there, or in the making, is answered. */
export const snapshotSpec = z.strictObject({
  snapshotId: z.uuid(),
  /** A machine that is captured and goes on as it was, or a snapshot that is copied. */
  from: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('machine'), machineId: z.uuid() }),
    z.strictObject({ kind: z.literal('snapshot'), snapshotId: z.uuid() }),
  ]),
  /** Not durable: only to restore from in the next moments. Not flushed, not summed, gone when the agent restarts. */
  durable: z.boolean(),
})
export type SnapshotSpec = z.infer<typeof snapshotSpec>

export const snapshotFailure = z.object({
  code: z.enum(['no_space', 'gone', 'failed']),
  message: z.string(),
})
export type SnapshotFailure = z.infer<typeof snapshotFailure>

export const snapshotReport = z.object({
  snapshotId: z.uuid(),
  state: z.enum(['capturing', 'ready', 'failed']),
  durable: z.boolean(),
  /** Of its manifest, which holds the sum of sums: stands for every byte. Empty when not durable. */
  digest: z.string(),
  /** Room it takes by itself, and room it shares with others on this host. */
  uniqueBytes: z.number().int(),
  sharedBytes: z.number().int(),
  /** For how long the source stood still, at most. */
  pauseMs: z.number(),
  tier: z.string(),
  driver: z.string(),
  driverVersion: z.string(),
  failure: snapshotFailure.nullable(),
})
export type SnapshotReport = z.infer<typeof snapshotReport>

/**
 * `GET /v1/machines/{machineId}/changes` and `GET /v1/snapshots/{snapshotId}/changes`, one a line: files of the root
 * disk that differ from the image's. What is under /proc, /sys, /dev, /tmp and /run is not of the disk.
 */
export const changedFile = z.object({
  /** Absolute. Bytes that are no UTF-8 are replaced by U+FFFD. */
  path: z.string(),
  change: z.enum(['added', 'changed', 'removed']),
  kind: z.enum(['file', 'directory', 'link', 'other']),
  sizeBytes: z.number().int(),
  /** Permission bits. */
  mode: z.number().int(),
  /** Of a file's content; of a link's target. Null for other kinds, for what was removed, and where there was too
   * much to sum. */
  sha256: z.string().nullable(),
  /** The same of the image's file, when it has one. */
  baseSha256: z.string().nullable(),
  /** Content of a small file that is text, and of the image's. */
  text: z.string().nullable(),
  baseText: z.string().nullable(),
})
export type ChangedFile = z.infer<typeof changedFile>

/** The last line: nothing is missing after it. */
export const changesEnd = z.object({
  done: z.literal(true),
  /** Entries beyond the limit were left out. */
  truncated: z.boolean(),
  /** Digest of the image that the changes are against. */
  image: z.string(),
})
