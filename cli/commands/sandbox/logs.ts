import { buildCommand } from '@stricli/core'
import type { LogStream } from '@pandastack/client/logs.ts'
import { clientFor, printJson, type Context } from '../../context.ts'
import { jsonFlag, sandboxArgument } from '../flags.ts'

interface Flags {
  follow: boolean
  stream: LogStream
  events: boolean
  json: boolean
}

export const sandboxLogs = buildCommand({
  docs: { brief: 'Show what the commands of a sandbox wrote, or what happened to it' },
  parameters: {
    flags: {
      follow: { kind: 'boolean', brief: 'Go on as more is written', default: false },
      stream: { kind: 'enum', values: ['both', 'stdout', 'stderr'], brief: 'Which output', default: 'both' },
      events: { kind: 'boolean', brief: 'What happened to the sandbox instead', default: false },
      json: jsonFlag,
    },
    aliases: { f: 'follow' },
    positional: { kind: 'tuple', parameters: [sandboxArgument] },
  },
  async func(this: Context, flags: Flags, id: string) {
    const { logs } = await clientFor(this)
    const { stdout } = this.process
    if (flags.events) {
      const events = await logs.events(id)
      if (flags.json) return printJson(this, events)
      for (const { time, type, payload } of events)
        stdout.write(`${time}  ${type}  ${JSON.stringify(payload)}\n`)
    } else if (flags.follow) {
      const lines = logs.follow(id, { stream: flags.stream, signal: this.signal })
      for await (const line of lines) stdout.write(flags.json ? `${JSON.stringify({ line })}\n` : line)
    } else {
      const text = await logs.read(id, flags.stream)
      if (flags.json) return printJson(this, { text })
      stdout.write(text)
    }
  },
})
