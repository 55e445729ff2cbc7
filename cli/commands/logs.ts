import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { homeIn, type Context } from '../context.ts'
import { Refusal } from '../exit-codes.ts'
import { printLogs } from '../terminal/log-files.ts'
import { text, wholeNumber } from './flags.ts'

const components = [
  'supervisor',
  'postgres',
  'agent',
  'control-plane',
  'images',
  'build',
  'bootstrap',
] as const
const shownByDefault = ['supervisor', 'postgres', 'agent', 'control-plane']

interface Flags {
  follow: boolean
  lines: number
}

export const showLogs = buildCommand({
  docs: { brief: 'Show the logs of the installation' },
  parameters: {
    flags: {
      follow: { kind: 'boolean', brief: 'Go on as more is written', default: false },
      lines: { kind: 'parsed', parse: wholeNumber(0, 1_000_000), brief: 'Last lines of each', default: '40' },
    },
    aliases: { f: 'follow', n: 'lines' },
    positional: {
      kind: 'array',
      parameter: { brief: `Of what: ${components.join(', ')}`, placeholder: 'component', parse: text },
    },
  },
  async func(this: Context, flags: Flags, ...names: string[]) {
    const wrong = names.find((name) => !(components as readonly string[]).includes(name))
    if (wrong !== undefined)
      throw new Refusal(`there is no log of "${wrong}"`, { hint: `there are ${components.join(', ')}` })
    const { log } = homeIn(this)
    const files = (names.length === 0 ? shownByDefault : names).map((name) => ({
      name,
      file: join(log, `${name}.log`),
    }))
    await printLogs(files, { ...flags, screen: this.process.stdout, signal: this.signal })
  },
})
