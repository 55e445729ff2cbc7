// The objects of our HTTP API, /v1. Field names and types are those the published PandaStack clients read;
// fields of ours are added beside them and never change the meaning of theirs.

import { z } from 'zod'
import { tier } from '../wire/host/v1/machines.ts'

export const sandboxStatus = z.enum([
  'creating',
  'running',
  'paused',
  'stopping',
  'deleted',
  'failed',
  'hibernated',
])
export type SandboxStatus = z.infer<typeof sandboxStatus>

export const sandbox = z
  .object({
    id: z.uuid(),
    template: z.string(),
    cpu: z.number().int(),
    memory_mb: z.number().int(),
    disk_mb: z.number().int(),
    status: sandboxStatus,
    guest_ip: z.string(),
    host_tap: z.string(),
    mac: z.string(),
    vsock_cid: z.number().int(),
    metadata: z.record(z.string(), z.string()),
    from_snapshot: z.string(),
    boot_ms: z.number().int(),
    boot_mode: z.string(),
    tier: z.union([tier, z.literal('')]),
    isolation: z.string(),
    persistent: z.boolean(),
    ttl_seconds: z.number().int(),
    expires_at: z.iso.datetime().nullable(),
    /** What happens when the TTL is over. */
    on_timeout: z.enum(['delete', 'hibernate']),
    failure: z.string().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Sandbox' })
export type Sandbox = z.infer<typeof sandbox>

/** One day short of 10 years: beyond it a TTL is a mistake. */
export const ttlSecondsMax = 315_360_000

export const onTimeout = z.enum(['delete', 'hibernate'])
const idleSeconds = z.number().int().min(5).max(ttlSecondsMax)

/** When checkpoints are taken by themselves, and how many of those are kept. */
export const checkpointPolicy = z
  .object({
    /** Before each command that comes through the API. */
    every_command: z.boolean().optional(),
    /** While the sandbox is in use. */
    every_seconds: z.number().int().min(5).max(86_400).optional(),
    /** The oldest automatic ones go when there are more. */
    keep: z.number().int().min(1).max(100).optional(),
    keep_bytes: z.number().int().min(1_048_576).optional(),
  })
  .meta({ id: 'CheckpointPolicy' })
export type CheckpointPolicy = z.infer<typeof checkpointPolicy>

export const sandboxCreate = z
  .object({
    template: z.string().max(128).optional(),
    from_snapshot: z.string().max(128).optional(),
    ttl_seconds: z.number().int().positive().max(ttlSecondsMax).optional(),
    persistent: z.boolean().optional(),
    metadata: z.record(z.string().max(128), z.string().max(4096)).optional(),
    env: z.record(z.string().max(128), z.string().max(32_768)).optional(),
    cpu: z.number().int().positive().max(64).optional(),
    memory_mb: z.number().int().min(128).max(262_144).optional(),
    disk_gb: z.number().int().positive().max(1024).optional(),
    volumes: z.array(z.object({ name: z.string(), read_only: z.boolean().optional() })).optional(),
    /** Default: `delete`. */
    on_timeout: onTimeout.optional(),
    /** Hibernate when neither callers nor programs inside have done anything for so long; null: never. */
    hibernate_after_seconds: idleSeconds.nullable().optional(),
    checkpoints: checkpointPolicy.nullable().optional(),
  })
  .meta({ id: 'SandboxCreate' })
export type SandboxCreate = z.infer<typeof sandboxCreate>

export const lifecycle = z
  .object({
    ttl_seconds: z.number().int(),
    persistent: z.boolean(),
    idle_seconds: z.number().int(),
    expires_at: z.iso.datetime().nullable(),
    on_timeout: onTimeout,
    hibernate_after_seconds: z.number().int().nullable(),
    checkpoints: checkpointPolicy.nullable(),
  })
  .meta({ id: 'Lifecycle' })
export type Lifecycle = z.infer<typeof lifecycle>

export const execRequest = z
  .object({
    cmd: z.string().min(1).max(8_388_608),
    timeout_seconds: z.number().positive().max(86_400).optional(),
    env: z.record(z.string(), z.string()).optional(),
    cwd: z.string().max(4096).optional(),
    user: z.string().max(64).optional(),
  })
  .meta({ id: 'ExecRequest' })
export type ExecRequest = z.infer<typeof execRequest>

export const execResult = z
  .object({
    stdout: z.string(),
    stderr: z.string(),
    exit_code: z.number().int(),
    duration_ms: z.number(),
    truncated: z.boolean().optional(),
  })
  .meta({ id: 'ExecResult' })
export type ExecResult = z.infer<typeof execResult>

export const event = z
  .object({
    seq: z.number().int(),
    time: z.iso.datetime(),
    sandbox_id: z.uuid(),
    type: z.string(),
    payload: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof event>

export const template = z
  .object({
    name: z.string(),
    rootfs_path: z.string(),
    size_bytes: z.number().int(),
    cpu: z.number().int(),
    memory_mb: z.number().int(),
    disk_mb: z.number().int(),
    is_global: z.boolean(),
    workspace: z.string(),
    label: z.string(),
    description: z.string(),
    category: z.string(),
    base: z.string(),
    tools: z.array(z.string()),
    aliases: z.array(z.string()),
    baked: z.boolean(),
    isolation: z.string(),
    tier: z.string(),
    meta: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Template' })
export type Template = z.infer<typeof template>

export const token = z
  .object({
    prefix: z.string(),
    label: z.string(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Token' })
export type Token = z.infer<typeof token>

export const errorBody = z
  .object({
    error: z.string(),
    code: z.string().optional(),
    /** Why, where `error` is one word that clients look for. */
    detail: z.string().optional(),
  })
  .meta({ id: 'Error' })

export const lifecycleChange = z
  .object({
    ttl_seconds: z.number().int().positive().max(ttlSecondsMax).optional(),
    persistent: z.boolean().optional(),
    on_timeout: onTimeout.optional(),
    hibernate_after_seconds: idleSeconds.nullable().optional(),
    checkpoints: checkpointPolicy.nullable().optional(),
  })
  .meta({ id: 'LifecycleChange' })
export type LifecycleChange = z.infer<typeof lifecycleChange>

const portNumber = z.number().int().min(1).max(65_535)

export const portDeclaration = z
  .object({ port: portNumber, label: z.string().max(128).optional(), public: z.boolean().optional() })
  .meta({ id: 'PortDeclaration' })

export const portDeclared = z
  .object({ port: portNumber, label: z.string(), public: z.boolean() })
  .meta({ id: 'PortDeclared' })

export const guestMetrics = z
  .object({
    uptime_seconds: z.number(),
    processes: z.number(),
    cpu_count: z.number(),
    cpu_used_pct: z.number(),
    mem_total_bytes: z.number(),
    mem_used_bytes: z.number(),
    disk_total_bytes: z.number(),
    disk_used_bytes: z.number(),
  })
  .meta({ id: 'GuestMetrics' })

export const sandboxMetrics = z
  .object({
    pid: z.number().int(),
    uptime_seconds: z.number(),
    host_cpu_percent: z.number(),
    host_rss_bytes: z.number().int(),
    host_vsz_bytes: z.number().int(),
    threads: z.number().int(),
    /** As the agent inside sees it; null while it cannot be asked. */
    guest: guestMetrics.nullable(),
  })
  .meta({ id: 'SandboxMetrics' })

export const previewTokenRequest = z
  .object({
    port: portNumber,
    ttl_seconds: z.number().int().positive().max(604_800).optional(),
    paths: z.array(z.string().min(1).max(1024).startsWith('/')).max(16).optional(),
  })
  .meta({ id: 'PreviewTokenRequest' })

export const previewToken = z
  .object({
    url: z.string(),
    token: z.string(),
    sandbox_id: z.uuid(),
    port: portNumber,
    paths: z.array(z.string()),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'PreviewToken' })

export const tokenCreate = z
  .object({
    label: z.string().max(200).optional(),
    /** What an older command line sends instead of `label`. */
    name: z.string().max(200).optional(),
    expires_in_days: z.number().int().positive().max(3650).optional(),
  })
  .meta({ id: 'TokenCreate' })

export const newToken = token.extend({ token: z.string() }).meta({ id: 'NewToken' })

export const me = z
  .object({
    user_id: z.string(),
    email: z.string(),
    current_org: z.string(),
    orgs: z.array(z.object({ id: z.string(), name: z.string(), role: z.string() })),
    auth_method: z.string(),
  })
  .meta({ id: 'Me' })
