// Proves a fresh start by doing what its users do: a sandbox from the template `agent`, the README's command in it, gone.

import { createClient } from '@pandastack/client/client.ts'
import { Refusal } from '../exit-codes.ts'
import type { Steps } from '../terminal/steps.ts'
import { durationText } from '../text/duration.ts'

const ttlSeconds = 300
const command = "python -c 'print(2 + 2)'"

export const prove = async (options: {
  url: string
  key: string
  steps: Steps
  signal: AbortSignal
}): Promise<void> => {
  const { steps, signal } = options
  const client = createClient(options)
  const sandbox = await steps.run('create a sandbox from "agent"', async (report) => {
    const began = performance.now()
    const made = await client.sandboxes.create(
      { template: 'agent', ttl_seconds: ttlSeconds, metadata: { purpose: 'proof' } },
      { signal },
    )
    const how = made.boot_mode === 'cold' ? 'first boot, its snapshot is kept' : 'restored'
    report(`${how} in ${durationText(performance.now() - began)}`)
    return made
  })
  try {
    await steps.run(`run ${command}`, async (report) => {
      const {
        stdout,
        stderr,
        exit_code: exitCode,
      } = await client.exec.run(sandbox.id, { cmd: command }, { signal })
      if (stdout !== '4\n' || exitCode !== 0) {
        throw new Refusal(
          `the sandbox answered ${JSON.stringify(stdout)} with exit code ${exitCode}: ${stderr.trim()}`,
        )
      }
      report(stdout.trim())
    })
  } finally {
    await steps.run('delete it', () => client.sandboxes.remove(sandbox.id))
  }
}
