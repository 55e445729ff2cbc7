// Snapshots that this process is making, or restoring from, at this moment: whoever collects leaves them alone.

export interface Passing {
  /** Counted: it is held until every holder has let go. */
  hold(snapshotId: string): Disposable
  has(snapshotId: string): boolean
}

export const createPassing = (): Passing => {
  const holders = new Map<string, number>()
  return {
    has: (id) => holders.has(id),
    hold(id) {
      holders.set(id, (holders.get(id) ?? 0) + 1)
      let held = true
      return {
        [Symbol.dispose]() {
          if (!held) return
          held = false
          const left = (holders.get(id) ?? 1) - 1
          if (left > 0) holders.set(id, left)
          else holders.delete(id)
        },
      }
    },
  }
}
