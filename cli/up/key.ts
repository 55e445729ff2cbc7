// API keys, minted by the control plane's own program; the operator's is kept.

import { run } from '@pandastack/kit/process/run.ts'
import { Refusal } from '../exit-codes.ts'
import type { Home } from './home.ts'
import { keepApiKey, readApiKey } from './secrets.ts'
import type { Settings } from './settings.ts'
import { controlPlaneEnvironment, unprivileged } from './supervisor/components.ts'

type Env = Readonly<Record<string, string | undefined>>

const mintDeadlineMs = 60_000

export const ensureApiKey = async (home: Home, settings: Settings, env: Env): Promise<string> => {
  const kept = await readApiKey(home)
  if (kept !== null) return kept
  const key = await mintKey(home, settings, env, { label: 'operator' })
  await keepApiKey(home, key)
  return key
}

export const mintKey = async (
  home: Home,
  settings: Settings,
  env: Env,
  { label, project = 'default' }: { label: string; project?: string },
): Promise<string> => {
  const words = ['mint-key', '--label', label, '--project', project]
  const [program = '', ...args] = unprivileged(home, 'control-plane/admin.ts', ...words)
  const minted = await run(program, args, {
    deadlineMs: mintDeadlineMs,
    env: controlPlaneEnvironment(home, settings, env),
  })
  const key = /\bpds_[0-9a-f]{32}\b/.exec(minted.stdout)?.[0]
  if (minted.exitCode !== 0 || key === undefined)
    throw new Refusal(`no key could be minted: ${minted.stderr.trim()}`)
  return key
}
