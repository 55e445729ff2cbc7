// What a create asks for, checked and completed: template, resources, lifetime. Nothing is stored yet, so every refusal
// here leaves nothing behind.

import { PandaError } from '@pandastack/contracts/errors.ts'
import { findTemplate } from '@pandastack/contracts/catalogue.ts'
import type { SandboxCreate } from '@pandastack/contracts/http/shapes.ts'
import type { Context } from '../context.ts'
import { invalid } from '../refusals.ts'
import { checkStorable } from '../text.ts'

export interface Plan {
  template: string
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

export const planCreate = (ctx: Context, input: SandboxCreate): Plan => {
  if (input.from_snapshot) throw new PandaError('not_found', 'snapshot not found')
  if (input.volumes && input.volumes.length > 0)
    throw new PandaError('not_implemented', 'volumes are not implemented yet')
  const template = input.template ?? templateDefault
  const sizes = sizesOf(ctx, template)
  if (!sizes) throw invalid(`unknown template ${JSON.stringify(template.slice(0, 64))}`)
  const diskMb = input.disk_gb === undefined ? sizes.diskMb : input.disk_gb * 1024
  // A restored disk has the size it was captured with.
  if (diskMb !== sizes.diskMb)
    throw invalid(`disk_gb of a sandbox is that of its template: ${Math.ceil(sizes.diskMb / 1024)}`)
  const { metadata = {}, env = {} } = input
  checkStorable('metadata', metadata, metadataLimits)
  checkStorable('env', env, envLimits)
  const badName = Object.keys(env).find((name) => !envName.test(name))
  if (badName !== undefined)
    throw invalid(`${JSON.stringify(badName.slice(0, 64))} is not a name for a variable`)
  return {
    template,
    resources: { cpu: input.cpu ?? sizes.cpu, memoryMb: input.memory_mb ?? sizes.memoryMb, diskMb },
    metadata,
    env,
    ttlSeconds: input.ttl_seconds ?? ctx.settings.ttlSecondsDefault,
    persistent: input.persistent ?? false,
  }
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
