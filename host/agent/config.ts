// The agent's settings, from its environment, checked once. Only `main.ts` calls this.

import { z } from 'zod'

const schema = z.object({
  PANDASTACK_HOME: z.string().startsWith('/').default('/var/lib/pandastack'),
  PANDASTACK_DRIVER: z.enum(['gvisor', 'fake']).default('gvisor'),
  /** Names of interfaces, namespaces, tables and cgroups start with it, so that installations do not meet. */
  PANDASTACK_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,5}$/)
    .default('ps'),
  /** Several installations on one machine take different ones. */
  PANDASTACK_NETWORK_INDEX: z.coerce.number().int().min(0).max(15).default(0),
  PANDASTACK_GROUP: z.string().default('pandastack'),
  /** Empty sandboxes kept ready per template in use. Default: by the memory of the host. */
  PANDASTACK_SHELVES: z.coerce.number().int().min(0).max(64).optional(),
  PANDASTACK_MACHINES_MAX: z.coerce.number().int().min(1).max(16_000).optional(),
  /** For tests: where this process is to fail (kit/failpoint). */
  PANDASTACK_FAILPOINTS: z.string().default(''),
})

export interface AgentConfig {
  home: string
  driver: 'gvisor' | 'fake'
  prefix: string
  networkIndex: number
  group: string
  shelfSize: number | undefined
  machinesMax: number | undefined
  failpoints: string
}

export function readConfig(env: Record<string, string | undefined>): AgentConfig {
  const parsed = schema.parse(env)
  return {
    home: parsed.PANDASTACK_HOME,
    driver: parsed.PANDASTACK_DRIVER,
    prefix: parsed.PANDASTACK_PREFIX,
    networkIndex: parsed.PANDASTACK_NETWORK_INDEX,
    group: parsed.PANDASTACK_GROUP,
    shelfSize: parsed.PANDASTACK_SHELVES,
    machinesMax: parsed.PANDASTACK_MACHINES_MAX,
    failpoints: parsed.PANDASTACK_FAILPOINTS,
  }
}
