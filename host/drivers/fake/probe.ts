// Proves that processes can be started and stopped here, and that the guest agent is there if one was named.

import { access, constants } from 'node:fs/promises'
import { run } from '@pandastack/kit/process/run.ts'
import type { Probe } from '@pandastack/driver/driver.ts'
import { driverVersion, type FakeConfig } from './config.ts'

const deadlineMs = 10_000
const expectedExitCode = 7

const unusable = (reason: string): Probe => ({ usable: false, tier: 'none', version: driverVersion, reason })

export const probe = async (config: FakeConfig, signal: AbortSignal): Promise<Probe> => {
  if (config.guestPath !== undefined) {
    const there = await access(config.guestPath, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (!there) return unusable(`the guest agent is not there: ${config.guestPath}`)
  }
  const { exitCode } = await run('sh', ['-c', `exit ${expectedExitCode}`], { deadlineMs, signal })
  if (exitCode !== expectedExitCode) return unusable('a process of this host did not run')
  return {
    usable: true,
    tier: 'none',
    version: driverVersion,
    reason: 'a process of this host ran; nothing isolates it, this driver is for tests',
  }
}
