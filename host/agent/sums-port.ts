// What the agent asks of whoever makes and checks the sums of snapshots, and the ways in which that fails. Errors are told
// apart by name: those of the fakes, which may not import the agent, count as well.

export interface Sums {
  /**
   * Writes the sums of all files of a directory beside them, and flushes all of it; only its own name is left to flush.
   * After a failure the directory is of no use.
   */
  seal(
    dir: string,
    signal: AbortSignal,
  ): Promise<{
    /** Stands for every byte. */
    sha256: string
    /** Room on the disk that these files alone take, and room that they share with others. */
    uniqueBytes: number
    sharedBytes: number
  }>
  /** Settles when the directory holds exactly what was sealed. Throws SumsMismatch, SumsMissing. */
  verify(dir: string, sha256: string, signal: AbortSignal): Promise<void>
}

/** Something else is there than what was sealed. */
export class SumsMismatch extends Error {
  override readonly name = 'SumsMismatch'
  /** Empty: the directory itself. */
  readonly file: string
  /** Number of the first chunk seen that differs; null when it is not about content. */
  readonly chunk: number | null

  constructor(message: string, file: string, chunk: number | null) {
    super(message)
    this.file = file
    this.chunk = chunk
  }
}

/** There is no such directory. */
export class SumsMissing extends Error {
  override readonly name = 'SumsMissing'
}

/** The disk is full. */
export class SumsNoSpace extends Error {
  override readonly name = 'SumsNoSpace'
  readonly code = 'ENOSPC'
}

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name

export const isMismatch = (error: unknown): boolean => isNamed(error, 'SumsMismatch')
export const isMissing = (error: unknown): boolean => isNamed(error, 'SumsMissing')
