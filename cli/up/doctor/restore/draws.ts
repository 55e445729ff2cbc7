// What programs that were running at a fork have drawn, read from their files, and which of it was drawn twice. Pure.
//
// A record begins with the instant before the draw, in nanoseconds. Two sandboxes that have parted do not share instants:
// what a clone and its parent have alike, record for record from the beginning, was drawn before the fork, and all that
// follows after it. So this needs neither a clock that is right nor random numbers that are fresh, which are on trial here.

export interface Draws {
  who: string
  values: readonly string[]
}

export interface Repeat {
  who: string
  value: string
  /** Who has it too. */
  other: string
}

const readBytes = 32
const valueAt = 16

/** Of reads.py; one that is half written is left out. */
export const readsOf = (bytes: Buffer): string[] =>
  Array.from({ length: Math.floor(bytes.length / readBytes) }, (_, i) =>
    bytes.toString('hex', i * readBytes, (i + 1) * readBytes),
  )

/** The 16 bytes that a record of reads.py holds. */
export const valueOfRead = (record: string): string => record.slice(2 * valueAt)

/** Of draws.py and draws.cjs; a line that is half written is left out. */
export const linesOf = (bytes: Buffer): string[] => bytes.toString('latin1').split('\n').slice(0, -1)

export const phaseOf = (line: string): string => line.split(' ')[1] ?? ''

/** Columns behind time and phase, from 0. */
export const columnOf = (line: string, column: number): string => line.split(' ')[2 + column] ?? ''

/** The line as if nothing had been drawn but this column. */
export const drawOf = (line: string, column: number): string => {
  const [instant, phase] = line.split(' ', 2)
  return `${instant} ${phase} ${columnOf(line, column)}`
}

export const sharedCount = (parent: readonly string[], clone: readonly string[]): number => {
  const differs = clone.findIndex((record, i) => record !== parent[i])
  return differs < 0 ? clone.length : differs
}

/** How often the monotonic clock of reads.py went backwards. */
export const stepsBack = (bytes: Buffer): number => {
  let count = 0
  let before = 0n
  for (let at = 8; at + 8 <= bytes.length; at += readBytes) {
    const now = bytes.readBigUInt64LE(at)
    if (now < before) count += 1
    before = now
  }
  return count
}

/** What the suspects have drawn that others of `all` have drawn too, or they themselves twice. `all` has theirs in it. */
export const repeatsOf = (suspects: readonly Draws[], all: readonly Draws[]): Repeat[] => {
  const first = new Map<string, string>()
  const again = new Map<string, string>()
  for (const { who, values } of all) {
    for (const value of values) {
      const known = first.get(value)
      if (known === undefined) first.set(value, who)
      else if (known !== who || !again.has(value)) again.set(value, who)
    }
  }
  return suspects.flatMap(({ who, values }) =>
    values.flatMap((value) => {
      const second = again.get(value)
      if (second === undefined) return []
      const earlier = first.get(value) ?? who
      return [{ who, value, other: earlier === who ? second : earlier }]
    }),
  )
}
