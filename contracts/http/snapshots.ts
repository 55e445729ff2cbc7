// Snapshots, forks, attempts and diffs in our HTTP API. Field names that the published PandaStack clients read are
// theirs; the rest is ours beside them.

import { z } from 'zod'
import { sandbox, ttlSecondsMax } from './shapes.ts'

const name = z.string().min(1).max(128)
const metadata = z.record(z.string().max(128), z.string().max(4096))

export const snapshot = z
  .object({
    id: z.uuid(),
    sandbox_id: z.uuid(),
    /** `checkpoint` and `automatic` are for going back and belong to their sandbox. */
    kind: z.enum(['snapshot', 'checkpoint', 'automatic']),
    name: z.string(),
    status: z.enum(['creating', 'ready', 'failed']),
    template: z.string(),
    cpu: z.number().int(),
    memory_mb: z.number().int(),
    disk_mb: z.number().int(),
    metadata,
    /** The snapshot from which the machine was restored that this one was taken of; null: the template. */
    parent_id: z.uuid().nullable(),
    /** Room on disk: what it takes by itself, and what it shares with others. */
    size_bytes: z.number().int(),
    unique_bytes: z.number().int(),
    shared_bytes: z.number().int(),
    /** For how long the sandbox stood still, at most. */
    pause_ms: z.number(),
    isolation: z.string(),
    tier: z.string(),
    /** Of its manifest and so of every byte. */
    digest: z.string(),
    failure: z.string().nullable(),
    created_at: z.iso.datetime(),
    workspace: z.string(),
    mem_path: z.string(),
    state_path: z.string(),
  })
  .meta({ id: 'Snapshot' })
export type Snapshot = z.infer<typeof snapshot>

export const snapshotCreate = z
  .object({ name: name.optional(), metadata: metadata.optional() })
  .meta({ id: 'SnapshotCreate' })
export type SnapshotCreate = z.infer<typeof snapshotCreate>

export const snapshotList = z.object({ snapshots: z.array(snapshot) }).meta({ id: 'SnapshotList' })

/** Exactly one way to say which. `steps` 1: the newest checkpoint. */
export const rewindRequest = z
  .object({
    snapshot_id: z.uuid().optional(),
    name: name.optional(),
    steps: z.number().int().min(1).max(1000).optional(),
  })
  .refine((given) => Object.values(given).filter((value) => value !== undefined).length <= 1, {
    message: 'only one of snapshot_id, name and steps may be given',
  })
  .meta({ id: 'RewindRequest' })
export type RewindRequest = z.infer<typeof rewindRequest>

export const rewound = z
  .object({ sandbox, snapshot_id: z.uuid(), took_ms: z.number() })
  .meta({ id: 'Rewound' })
export type Rewound = z.infer<typeof rewound>

export const forkCountMax = 100

const forkFields = {
  metadata: metadata.optional(),
  ttl_seconds: z.number().int().positive().max(ttlSecondsMax).optional(),
  persistent: z.boolean().optional(),
  env: z.record(z.string().max(128), z.string().max(32_768)).optional(),
}

export const forkRequest = z
  .object({
    count: z.number().int().min(1).max(forkCountMax).optional(),
    /** Taken and ignored: every fork has the memory of its parent. */
    mode: z.string().max(32).optional(),
    ...forkFields,
  })
  .meta({ id: 'ForkRequest' })
export type ForkRequest = z.infer<typeof forkRequest>

export const forkTreeRequest = z
  .object({ count: z.number().int().min(1).max(forkCountMax).optional(), ...forkFields })
  .meta({ id: 'ForkTreeRequest' })
export type ForkTreeRequest = z.infer<typeof forkTreeRequest>

const forkError = z.object({ index: z.number().int(), error: z.string() })

export const forked = z
  .object({
    sandbox,
    parent_id: z.uuid(),
    snapshot_id: z.uuid(),
    children: z.array(z.uuid()),
    sandboxes: z.array(sandbox),
    errors: z.array(forkError),
    pause_ms: z.number(),
    at: z.iso.datetime(),
  })
  .meta({ id: 'Forked' })

export type Forked = z.infer<typeof forked>

export const forkedTree = z
  .object({
    tree_id: z.uuid(),
    parent_id: z.uuid(),
    snapshot_id: z.uuid(),
    children: z.array(sandbox),
    errors: z.array(forkError),
    pause_ms: z.number(),
    at: z.iso.datetime(),
  })
  .meta({ id: 'ForkedTree' })
export type ForkedTree = z.infer<typeof forkedTree>

export const promoteRequest = z
  .object({
    cleanup_siblings: z.boolean().optional(),
    tree_id: z.string().max(64).optional(),
    /** The parent becomes what the winner is, under the parent's own id, URLs and metadata; the winner's id ends. */
    take_over: z.boolean().optional(),
  })
  .meta({ id: 'PromoteRequest' })
export type PromoteRequest = z.infer<typeof promoteRequest>

export const promoted = z
  .object({
    winner: z.uuid(),
    tree_id: z.string(),
    deleted: z.array(z.uuid()),
    failures: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Promoted' })
export type Promoted = z.infer<typeof promoted>

export const statusOf = z.object({ status: z.string() }).meta({ id: 'StatusReply' })

export const fileDiff = z
  .object({
    path: z.string(),
    change: z.enum(['added', 'changed', 'removed']),
    kind: z.enum(['file', 'directory', 'link', 'other']),
    size_bytes: z.number().int(),
    /** A unified diff, for text on both sides; null for everything else. */
    text_diff: z.string().nullable(),
  })
  .meta({ id: 'FileDiff' })
export type FileDiff = z.infer<typeof fileDiff>

export const diff = z
  .object({
    from: z.string(),
    to: z.string(),
    files: z.array(fileDiff),
    truncated: z.boolean(),
  })
  .meta({ id: 'Diff' })
export type Diff = z.infer<typeof diff>

const attemptCommand = z.union([
  z.string().min(1).max(1_048_576),
  z.object({
    cmd: z.string().min(1).max(1_048_576),
    label: z.string().max(200).optional(),
    env: z.record(z.string(), z.string()).optional(),
    cwd: z.string().max(4096).optional(),
    timeout_seconds: z.number().positive().max(86_400).optional(),
  }),
])

export const attemptsRequest = z
  .object({
    commands: z.array(attemptCommand).min(1).max(forkCountMax),
    /** Attempts at work at the same time. Default 4. */
    concurrency: z.number().int().min(1).max(32).optional(),
    /** For everything together. Default 600. */
    deadline_seconds: z.number().positive().max(86_400).optional(),
    /** When the rest is not begun any more, and what runs is given up. Default `all`. */
    stop: z.enum(['first_success', 'best_score', 'all']).optional(),
    /** Run in the child after its command; the last number that it prints is the score. Without: 1 for exit code 0. */
    score_cmd: z.string().min(1).max(1_048_576).optional(),
    /** With `best_score`: a score as good as this ends the search. */
    score_enough: z.number().optional(),
    /** `keep`: the winner lives on as a sandbox of its own; `take_over`: it becomes the parent; `merge`: the files it
     * changed are written into the parent; `none`: all are reclaimed. Default `none`. */
    winner: z.enum(['none', 'keep', 'take_over', 'merge']).optional(),
    /** Default true. */
    files: z.boolean().optional(),
  })
  .meta({ id: 'AttemptsRequest' })
export type AttemptsRequest = z.infer<typeof attemptsRequest>

export const attemptOutcome = z
  .object({
    index: z.number().int(),
    label: z.string(),
    sandbox_id: z.uuid().nullable(),
    state: z.enum(['succeeded', 'failed', 'timed_out', 'given_up', 'not_started']),
    exit_code: z.number().int().nullable(),
    stdout: z.string(),
    stderr: z.string(),
    score: z.number().nullable(),
    duration_ms: z.number(),
    files: z.array(z.object({ path: z.string(), change: z.enum(['added', 'changed', 'removed']) })),
    error: z.string().nullable(),
  })
  .meta({ id: 'AttemptOutcome' })
export type AttemptOutcome = z.infer<typeof attemptOutcome>

export const attemptsResult = z
  .object({
    parent_id: z.uuid(),
    pause_ms: z.number(),
    outcomes: z.array(attemptOutcome),
    /** Index of the winner; null when no attempt succeeded. */
    winner: z.number().int().nullable(),
    /** The sandbox that the winner is now; null unless it was kept or took over. */
    winner_sandbox_id: z.uuid().nullable(),
    /** Files that were written into the parent, or why not. */
    merged: z.array(z.string()),
    merge_error: z.string().nullable(),
  })
  .meta({ id: 'AttemptsResult' })
export type AttemptsResult = z.infer<typeof attemptsResult>
