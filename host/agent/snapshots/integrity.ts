// That the bytes of a sealed directory are those that were written: compared at its first use by this process, and again
// whenever its files look different from then. In between a use pays for one look at each file.

import { isMismatch, isMissing, type Sums } from '../sums-port.ts'
import { SnapshotBroken, SnapshotMissing } from './errors.ts'
import { identityOf } from './identity.ts'

export class Integrity {
  readonly #sums: Sums
  /** How directories looked when their bytes were compared. */
  readonly #looks = new Map<string, string>()
  readonly #checking = new Map<string, Promise<void>>()

  constructor(sums: Sums) {
    this.#sums = sums
  }

  /** It was sealed a moment ago. */
  async trust(dir: string): Promise<void> {
    this.#looks.set(dir, await identityOf(dir))
  }

  forget(dir: string): void {
    this.#looks.delete(dir)
  }

  /** Throws `SnapshotBroken` or `SnapshotMissing`. `digest`: SHA-256 of the file of sums. */
  async check(dir: string, digest: string, signal: AbortSignal): Promise<void> {
    const now = await identityOf(dir)
    if (now === '') throw new SnapshotMissing('the files of the snapshot are gone')
    if (now === this.#looks.get(dir)) return
    // Whoever sees other looks must not take over the verdict on those before.
    const key = `${dir}\n${now}`
    let checking = this.#checking.get(key)
    if (!checking) {
      checking = this.#compare(dir, digest, signal).finally(() => this.#checking.delete(key))
      this.#checking.set(key, checking)
    }
    await checking
    this.#looks.set(dir, now)
  }

  async #compare(dir: string, digest: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#sums.verify(dir, digest, signal)
    } catch (error) {
      if (isMismatch(error)) throw new SnapshotBroken((error as Error).message)
      if (isMissing(error)) throw new SnapshotMissing('the files of the snapshot are gone')
      throw error
    }
  }
}
