// What a bake runs before the capture, so that no create pays for it: the guest agent's own first command, and the
// interpreters' files looked up once by the sandbox's kernel. Failures are ignored; a template need not have them.

import type { Nic } from '@pandastack/driver/values.ts'
import { callGuest } from '../guest.ts'

const commands = ['true', 'node -v', "python3 -c 'print(1)'", 'bash -lc true', 'git --version']

export async function warm(nic: Nic, signal: AbortSignal): Promise<void> {
  for (const cmd of commands) {
    const body = { cmd, timeout_ms: 20_000, max_output_bytes: 65_536 }
    await callGuest(nic, { method: 'POST', path: '/v1/run', body }, signal).catch(() => null)
    signal.throwIfAborted()
  }
}
