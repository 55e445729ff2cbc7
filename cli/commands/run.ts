import { execve } from 'node:process'
import { buildCommand } from '@stricli/core'
import { homeIn, type Context } from '../context.ts'
import { createSteps } from '../terminal/steps.ts'
import { Refusal } from '../exit-codes.ts'
import { programPath } from '../text/program-path.ts'
import { prepare } from '../up/prepare.ts'
import { ensureDatabase, prepareCluster } from '../up/postgres.ts'
import { mergeSettings, readSettings, writeSettings } from '../up/settings.ts'
import { componentNames } from '../up/state.ts'
import { componentsOf } from '../up/supervisor/components.ts'
import { text } from './flags.ts'

const parts = ['prepare', 'database', ...componentNames] as const

export const runPart = buildCommand({
  docs: {
    brief: 'Be one part of an installation, for a service manager that supervises instead of `up`',
    fullDescription: `Parts: ${parts.join(', ')}. See deploy/README.md.`,
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ brief: parts.join(', '), placeholder: 'part', parse: text }],
    },
  },
  async func(this: Context, _flags: object, part: string) {
    const home = homeIn(this)
    const settings = mergeSettings(await readSettings(home.dir), this.env, undefined)
    if (part === 'prepare') {
      await prepare({ home, env: this.env, steps: createSteps(this.process.stdout), signal: this.signal })
      return writeSettings(home.dir, settings)
    }
    if (part === 'database') return settings.databaseUrl === null ? ensureDatabase(home) : undefined
    if (part === 'postgres') await prepareCluster(home)
    const component = (await componentsOf(home, settings, this.env)).find(({ name }) => name === part)
    if (!component)
      throw new Refusal(`there is no part "${part}" here`, { hint: `there are ${parts.join(', ')}` })
    const [program = '', ...args] = component.command
    // This very process becomes the part: the service manager sees its exit and sends its signals to it.
    execve?.(programPath(program, component.env['PATH'] ?? ''), [program, ...args], component.env)
  },
})
