// Numbers that an operator or a test may want otherwise.

export interface Settings {
  /** Signs preview links and derives keys that a repeated request must get again. At least 32 bytes. */
  secret: Buffer
  ttlSecondsDefault: number
  /** A create is answered within this time, queue included: the published clients hang up after 30 s. */
  createWaitMs: number
  /** The same for pause, resume and delete. */
  changeWaitMs: number
  /** Creates at work at the same time on one host; the others wait. */
  createsAtOnce: number
  createsWaitingMax: number
  /** How often marks of use are written back. */
  flushEveryMs: number
  /** How often hosts and rows are compared without a reason. */
  repairEveryMs: number
  /** Ended sandboxes and their events are kept this long. */
  keepEndedMs: number
  keepAnswersMs: number
  listMax: number
  /** Of one project, checkpoints included. */
  snapshotsMax: number
  snapshotBytesMax: number
  /** Automatic checkpoints that a sandbox keeps, unless it says otherwise. */
  checkpointsKept: number
  /** How often programs inside of sandboxes that hibernate when idle are looked at. */
  activityEveryMs: number
  /** A program that takes more than this share of one processor is at work. */
  activeShare: number
  tokensMax: number
  portsMax: number
}

export const defaultSettings: Omit<Settings, 'secret'> = {
  ttlSecondsDefault: 300,
  createWaitMs: 27_000,
  changeWaitMs: 25_000,
  createsAtOnce: 4,
  createsWaitingMax: 1000,
  flushEveryMs: 1000,
  repairEveryMs: 10_000,
  keepEndedMs: 7 * 86_400_000,
  keepAnswersMs: 86_400_000,
  listMax: 20_000,
  snapshotsMax: 1000,
  snapshotBytesMax: 512 * 1024 ** 3,
  checkpointsKept: 10,
  activityEveryMs: 2000,
  activeShare: 0.03,
  tokensMax: 1000,
  portsMax: 256,
}
