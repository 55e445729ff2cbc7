// What a sandbox's row keeps sealed: the token of its guest, its variables, and metadata under `secret.`, which can be
// written but is never shown again.

import type { SandboxRow } from '@pandastack/db/schema.ts'
import type { Seal } from '@pandastack/kit/seal/seal.ts'

export interface Secrets {
  guestToken: string
  env: Record<string, string>
  metadata: Record<string, string>
  /** What its machine is, or is to be, restored from. Absent: the template. */
  source?: Source
}

export interface Source {
  snapshotId: string
  digest: string
  /** That the captured guest demands. */
  guestToken: string
}

const about = (id: string): string => `sandbox ${id}`

export const sealSecrets = (seal: Seal, id: string, secrets: Secrets): string =>
  seal.close(JSON.stringify(secrets), about(id))

/** Throws `SealBroken`. */
export const openSecrets = (seal: Seal, row: Pick<SandboxRow, 'id' | 'sealed'>): Secrets =>
  JSON.parse(seal.open(row.sealed, about(row.id))) as Secrets

const isSecret = (key: string): boolean => key.startsWith('secret.')
const redacted = '[redacted]'

/** Metadata as it may be seen, and what of it is secret. */
export const splitMetadata = (
  metadata: Record<string, string>,
): { shown: Record<string, string>; secret: Record<string, string> } => ({
  shown: Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, isSecret(key) ? redacted : value]),
  ),
  secret: Object.fromEntries(Object.entries(metadata).filter(([key]) => isSecret(key))),
})
