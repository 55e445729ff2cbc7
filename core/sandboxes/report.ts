// What of a host's report is kept in a row, and its reasons in words: pure.

import type { ErrorCode } from '@pandastack/contracts/errors.ts'
import type { MachineReport } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { SandboxChange } from '@pandastack/db/schema.ts'

export const factsOf = (report: MachineReport): SandboxChange => ({
  tier: report.tier,
  driver: report.driver,
  ...(report.guestIp !== null && { guest_ip: report.guestIp }),
  ...(report.bootMode !== null && { boot_mode: report.bootMode }),
  ...(report.bootMs !== null && { boot_ms: Math.round(report.bootMs) }),
})

const failureTexts: Record<NonNullable<MachineReport['reason']>, string> = {
  expired: 'its time was over',
  driver_died: 'its machine died',
  oom: 'it ran out of memory',
  boot_failed: 'its machine did not start',
  thaw_failed: 'its machine could not be given its identity',
  capacity: 'the host has no room for it',
  unknown_template: 'the host does not have its template',
  host_restarted: 'the host was restarted',
  snapshot_missing: 'its snapshot is not on the host any more',
  snapshot_corrupt: 'its snapshot is damaged',
  snapshot_incompatible: 'its snapshot was taken by another version of the engine',
}

const snapshotCodes: Record<string, ErrorCode> = {
  snapshot_missing: 'snapshot_corrupt',
  snapshot_corrupt: 'snapshot_corrupt',
  snapshot_incompatible: 'snapshot_incompatible',
}

/** The code for a caller whose sandbox's snapshot is at fault; undefined for any other reason. */
export const snapshotCodeOf = (reason: string | null): ErrorCode | undefined => snapshotCodes[reason ?? '']

export const failureOf = (report: MachineReport): string => {
  const text = report.reason ? failureTexts[report.reason] : 'its machine ended without having been asked to'
  return report.message ? `${text}: ${report.message.slice(0, 500)}` : text
}
