// Templates: the catalogue, with what the hosts say of each.

import { catalogue, findTemplate } from '@pandastack/contracts/catalogue.ts'
import type { CatalogueEntry } from '@pandastack/contracts/catalogue.ts'
import type { Template } from '@pandastack/contracts/http/shapes.ts'
import type { HostInfo } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { Context } from '../context.ts'
import type { Caller } from '../core.ts'
import { notFound } from '../refusals.ts'

export const list = async (ctx: Context, _caller: Caller): Promise<Template[]> => {
  const infos = await currentInfos(ctx)
  return catalogue.map((entry) => toTemplate(entry, infos))
}

export const get = async (ctx: Context, _caller: Caller, name: string): Promise<Template> => {
  const entry = findTemplate(name)
  if (!entry) throw notFound()
  return toTemplate(entry, await currentInfos(ctx))
}

/** Makes the template's snapshot on every host. */
export const bake = async (
  ctx: Context,
  _caller: Caller,
  name: string,
  onProgress: (step: string, percent: number) => void,
  signal?: AbortSignal,
): Promise<void> => {
  const entry = findTemplate(name)
  if (!entry) throw notFound()
  for (const link of ctx.hosts.links) await link.host.bake(entry.name, onProgress, signal)
  await ctx.hosts.refresh()
}

const currentInfos = async (ctx: Context): Promise<HostInfo[]> => {
  const infos = await ctx.hosts.refresh()
  return infos.length > 0 ? infos : ctx.hosts.lastInfos()
}

const toTemplate = (entry: CatalogueEntry, infos: HostInfo[]): Template => {
  const onHosts = infos.flatMap((info) => info.templates.filter(({ name }) => name === entry.name))
  return {
    name: entry.name,
    rootfs_path: '',
    size_bytes: Math.max(0, ...onHosts.map(({ sizeBytes }) => sizeBytes)),
    cpu: entry.cpu,
    memory_mb: entry.memoryMb,
    disk_mb: entry.diskMb,
    is_global: true,
    workspace: '',
    label: entry.label,
    description: entry.description,
    category: 'base',
    base: entry.base,
    tools: [...entry.tools],
    aliases: [...entry.aliases],
    baked: onHosts.some(({ state }) => state === 'baked'),
    isolation: infos[0]?.driver ?? '',
    tier: infos[0]?.tier ?? '',
    meta: { states: Object.fromEntries(infos.map((info) => [info.hostId, stateOn(info, entry.name)])) },
  }
}

const stateOn = (info: HostInfo, name: string): string =>
  info.templates.find((known) => known.name === name)?.state ?? 'missing'
