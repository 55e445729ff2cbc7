// What the exit codes of our commands mean. Those of `sandbox exec` and `sandbox shell` are the command's own; what
// went wrong before or around it has to be told from them, and uses the number that container tools use.

export const exitCodes = { ok: 0, failed: 1, usage: 2, aroundCommand: 125, interrupted: 130 } as const

/** A failure that is fully said by its sentence: printed without a stack. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly exitCode: number
  readonly hint: string | undefined

  constructor(message: string, options: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.exitCode = options.exitCode ?? exitCodes.failed
    this.hint = options.hint
  }
}
