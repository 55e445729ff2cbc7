// A small command for the installer, with DATABASE_URL in the environment:
//   node control-plane/admin.ts migrate                     needs PANDASTACK_SEAL_KEY_FILE as well
//   node control-plane/admin.ts mint-key --label <label>    prints {"key","prefix","label","project"}

import { parseArgs } from 'node:util'
import { apiKeyPrefix, newApiKey, newProjectId } from '@pandastack/contracts/ids.ts'
import { hashOfKey } from '@pandastack/core/projects/key-cache.ts'
import { migrate } from '@pandastack/db/migrate.ts'
import { openDatabase } from '@pandastack/db/open.ts'
import type { Db } from '@pandastack/db/schema.ts'
import { ensureProject } from '@pandastack/db/tables/projects.ts'
import { insertToken } from '@pandastack/db/tables/tokens.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { createSeal } from '@pandastack/kit/seal/seal.ts'
import type { Seal } from '@pandastack/kit/seal/seal.ts'
import { readSecret } from './config.ts'

const projectDefault = 'default'

export const mintKey = async (
  db: Db,
  input: { label: string; project?: string },
): Promise<{ key: string; prefix: string; label: string; project: string }> => {
  const project = await ensureProject(db, input.project ?? projectDefault, newProjectId())
  const key = newApiKey()
  const token = { prefix: apiKeyPrefix(key), projectId: project.id, hash: hashOfKey(key), label: input.label }
  await insertToken(db, { ...token, expiresAt: null })
  return { key, prefix: token.prefix, label: input.label, project: project.id }
}

const main = async (args: string[]): Promise<void> => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      label: { type: 'string', default: 'key' },
      project: { type: 'string', default: projectDefault },
    },
  })
  const url = process.env['DATABASE_URL']
  if (!url) throw new Error('DATABASE_URL is not set')
  await using database = openDatabase({
    url,
    log: createLog({ name: 'admin', level: 'silent' }),
    connectionsMax: 2,
  })
  const [command] = positionals
  if (command === 'migrate') print({ applied: await migrate(database.db, sealOf(process.env)) })
  else if (command === 'mint-key') print(await mintKey(database.db, values))
  else throw new Error('usage: admin.ts migrate | admin.ts mint-key --label <label>')
}

const sealOf = (env: Record<string, string | undefined>): Seal => {
  const path = env['PANDASTACK_SEAL_KEY_FILE']
  if (!path) throw new Error('PANDASTACK_SEAL_KEY_FILE is not set')
  return createSeal(readSecret('PANDASTACK_SEAL_KEY_FILE', path))
}

const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}${cause}\n`)
    process.exitCode = 1
  }
}
