// The host wire: what the control plane asks of a host agent, and what the agent reports.
// JSON over HTTP/1.1 on the agent's socket. `PUT /v1/machines/{machineId}` (ensure) is the only door down,
// reports are the only door up. Bulk bytes do not pass here: see the relay (`relay.ts`).

import { z } from 'zod'
import { snapshotFailure } from './snapshots.ts'

export const tier = z.enum(['hardware', 'user-kernel', 'emulated', 'none'])
export type Tier = z.infer<typeof tier>

export const resources = z.strictObject({
  cpu: z.number().int().min(1).max(64),
  memoryMb: z.number().int().min(64).max(262_144),
  diskMb: z.number().int().min(64).max(1_048_576),
})
export type Resources = z.infer<typeof resources>

/** What the control plane wants a machine to be. Sent again as a whole on each change; repeating it is harmless. */
export const machineSpec = z.strictObject({
  machineId: z.uuid(),
  sandboxId: z.uuid(),
  /** Raised by the control plane with each change of its intent; the agent refuses a lower one. */
  intent: z.number().int().positive(),
  /** `saved`: captured into the snapshot `saveAs` and ended. */
  desired: z.enum(['running', 'paused', 'saved', 'gone']),
  saveAs: z.uuid().optional(),
  /** What the machine is restored from; without meaning once it exists. `template` names the image's template. */
  source: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('template'), template: z.string() }),
    z.strictObject({
      kind: z.literal('snapshot'),
      template: z.string(),
      snapshotId: z.uuid(),
      /** As reported when it was taken: another content under this id is refused. Empty: not known. */
      digest: z.string(),
      /** Token that the captured guest demands until it is thawed. */
      guestToken: z.string(),
    }),
  ]),
  resources,
  hostname: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  env: z.record(z.string(), z.string()),
  /** Bearer token that the guest agent will demand on its `/v1` face. */
  guestToken: z.string().min(32),
  /** Wall time at which the agent ends the machine by itself, even when it is cut off; null: never. */
  expiresAtUnixMs: z.number().int().nullable(),
})
export type MachineSpec = z.infer<typeof machineSpec>

/** `saving` and `saved`: on the way into a snapshot, and ended with its snapshot on the host. */
export const machineState = z.enum([
  'starting',
  'running',
  'paused',
  'saving',
  'saved',
  'stopping',
  'gone',
  'failed',
])
export type MachineState = z.infer<typeof machineState>

/** What the agent says of a machine. `generation` is raised by the host alone: an old report changes nothing. */
export const machineReport = z.object({
  machineId: z.uuid(),
  sandboxId: z.uuid(),
  generation: z.number().int().positive(),
  /** The intent this report already reflects. */
  intent: z.number().int(),
  state: machineState,
  tier,
  driver: z.string(),
  /** `snapshot`: restored. `cold`: this create had to bake the template's snapshot first. */
  bootMode: z.enum(['snapshot', 'cold']).nullable(),
  /** From the agent's acceptance of the machine to its verified thaw. */
  bootMs: z.number().nullable(),
  guestIp: z.string().nullable(),
  /** Set when state is `failed`, or `gone` without having been asked for: why. */
  reason: z
    .enum([
      'expired',
      'driver_died',
      'oom',
      'boot_failed',
      'thaw_failed',
      'capacity',
      'unknown_template',
      'host_restarted',
      'snapshot_missing',
      'snapshot_corrupt',
      'snapshot_incompatible',
    ])
    .nullable(),
  message: z.string().nullable(),
  /** Why the machine could not be saved, although that is what was asked for with this intent; it goes on. */
  saveFailure: snapshotFailure.nullable().optional(),
})
export type MachineReport = z.infer<typeof machineReport>

/** `GET /v1/host` */
export const hostInfo = z.object({
  hostId: z.string(),
  version: z.string(),
  driver: z.string(),
  tier,
  /** Why this tier and not a stronger one, in words. */
  tierReason: z.string(),
  cpus: z.number().int(),
  memoryMb: z.number().int(),
  machinesMax: z.number().int(),
  machines: z.number().int(),
  templates: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['missing', 'built', 'baking', 'baked']),
      sizeBytes: z.number().int(),
      cpu: z.number().int(),
      memoryMb: z.number().int(),
    }),
  ),
})
export type HostInfo = z.infer<typeof hostInfo>

/** `GET /v1/machines/{machineId}/stats`: the driver's processes, as the host sees them. */
export const machineStats = z.object({
  pid: z.number().int(),
  uptimeSeconds: z.number(),
  /** Processor time since the start of its process. */
  cpuSeconds: z.number().default(0),
  cpuPercent: z.number(),
  rssBytes: z.number().int(),
  vszBytes: z.number().int(),
  threads: z.number().int(),
})
export type MachineStats = z.infer<typeof machineStats>

/** `GET /v1/leaks`: things on this host that belong to no machine of the ledger. */
export const leakReport = z.object({
  leaks: z.array(
    z.object({
      kind: z.enum(['process', 'namespace', 'link', 'nft', 'cgroup', 'mount', 'file', 'machine', 'snapshot']),
      name: z.string(),
      detail: z.string(),
    }),
  ),
})
export type LeakReport = z.infer<typeof leakReport>
