import { buildCommand } from '@stricli/core'
import { clientFor, type Context } from '../../context.ts'
import { runTerminal } from '../../terminal/remote.ts'
import { sandboxArgument } from '../flags.ts'

export const shellInSandbox = buildCommand({
  docs: { brief: 'Open an interactive terminal in a sandbox' },
  parameters: { positional: { kind: 'tuple', parameters: [sandboxArgument] } },
  async func(this: Context, _flags: object, id: string) {
    const client = await clientFor(this)
    const { columns: cols = 80, rows = 24 } = this.process.stdout
    const address = client.terminals.address(id, { rows, cols })
    this.setExitCode(await runTerminal(address, { stdin: this.stdin, stdout: this.process.stdout }))
  },
})
