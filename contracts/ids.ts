// Identifiers. Random (122 bits or more) and opaque: nothing may be read out of them, and none is ever part of a path.

import { randomBytes, randomUUID } from 'node:crypto'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type SandboxId = Branded<'sandbox'>
export type MachineId = Branded<'machine'>
export type ProjectId = Branded<'project'>
export type HostId = Branded<'host'>
export type CaptureId = Branded<'capture'>

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for the canonical lower-case text form of a UUID. */
export const isUuid = (text: string): boolean => uuid.test(text)

export const newSandboxId = (): SandboxId => randomUUID() as SandboxId
export const newMachineId = (): MachineId => randomUUID() as MachineId
export const newProjectId = (): ProjectId => randomUUID() as ProjectId
export const newCaptureId = (): CaptureId => randomUUID() as CaptureId

/** An API key: `pds_` and 32 hex digits (16 random bytes). Only its SHA-256 is ever stored. */
export const newApiKey = (): string => `pds_${randomBytes(16).toString('hex')}`

/** The public part of a key, by which it is listed and revoked: `pds_` and the first 8 hex digits. */
export const apiKeyPrefix = (key: string): string => key.slice(0, 12)
