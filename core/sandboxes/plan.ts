// What a create asks for, checked and completed: template, resources, lifetime. Nothing is stored yet, so every refusal
// here leaves nothing behind.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { findTemplate } from '@pandastack/contracts/catalogue.ts'
import type { CheckpointPolicy, SandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { invalid } from '../refusals.ts'
import { checkStorable } from '../text.ts'
import { originOf } from './origin.ts'
import type { Origin } from './origin.ts'
import type { Source } from './secrets.ts'

export interface Plan {
  template: string
  /** Absent: the template's own snapshot. */
  source?: Source
  /** Where the snapshot is; null: anywhere. */
  host: string | null
  fromSnapshot: string
  lineage: string | null
  operationId: string | null
  onTimeout: 'delete' | 'hibernate'
  hibernateAfterSeconds: number | null
  checkpoints: CheckpointPolicy | null
  resources: { cpu: number; memoryMb: number; diskMb: number }
  metadata: Record<string, string>
  env: Record<string, string>
  ttlSeconds: number
  persistent: boolean
}

const templateDefault = 'base'
const metadataLimits = { entries: 128, bytes: 65_536 }
const envLimits = { entries: 512, bytes: 262_144 }
const envName = /^[A-Za-z_][A-Za-z0-9_]*$/

export const planCreate = async (ctx: Context, caller: Caller, input: SandboxCreate): Promise<Plan> => {
  if (input.volumes && input.volumes.length > 0)
    throw new PandaError('not_implemented', 'volumes are not implemented yet')
  const origin = input.from_snapshot
    ? await originOf(ctx, caller, input.from_snapshot)
    : templateOf(ctx, input.template ?? templateDefault)
  const { sizes } = origin
  const diskMb = input.disk_gb === undefined ? sizes.diskMb : input.disk_gb * 1024
  // A restored disk has the size it was captured with.
  if (diskMb !== sizes.diskMb)
    throw invalid(`disk_gb of a sandbox is that of its template: ${Math.ceil(sizes.diskMb / 1024)}`)
  const { metadata = {} } = input
  const env = { ...origin.env, ...input.env }
  checkTexts(metadata, env)
  return {
    template: origin.template,
    ...(origin.source && { source: origin.source }),
    host: origin.host,
    fromSnapshot: origin.source?.snapshotId ?? '',
    lineage: origin.source?.snapshotId ?? null,
    operationId: null,
    onTimeout: input.on_timeout ?? 'delete',
    hibernateAfterSeconds: input.hibernate_after_seconds ?? null,
    checkpoints: input.checkpoints ?? null,
    resources: { cpu: input.cpu ?? sizes.cpu, memoryMb: input.memory_mb ?? sizes.memoryMb, diskMb },
    metadata,
    env,
    ttlSeconds: input.ttl_seconds ?? ctx.settings.ttlSecondsDefault,
    persistent: input.persistent ?? false,
  }
}

/** Throws unless all of it can be stored. */
export const checkTexts = (metadata: Record<string, string>, env: Record<string, string>): void => {
  checkStorable('metadata', metadata, metadataLimits)
  checkStorable('env', env, envLimits)
  const badName = Object.keys(env).find((name) => !envName.test(name))
  if (badName !== undefined)
    throw invalid(`${JSON.stringify(badName.slice(0, 64))} is not a name for a variable`)
}

const templateOf = (ctx: Context, template: string): Origin => {
  const sizes = sizesOf(ctx, template)
  if (!sizes) throw invalid(`unknown template ${JSON.stringify(template.slice(0, 64))}`)
  return { template, sizes, env: {}, host: null }
}

/** From the catalogue, or from what a host has beyond it. */
const sizesOf = (ctx: Context, template: string): Plan['resources'] | null => {
  const entry = findTemplate(template)
  if (entry) return entry
  const found = ctx.hosts
    .lastInfos()
    .flatMap((info) => info.templates)
    .find(({ name }) => name === template)
  return found && found.state !== 'missing'
    ? { cpu: found.cpu, memoryMb: found.memoryMb, diskMb: Math.ceil(found.sizeBytes / 1_048_576) }
    : null
}
