// Named places where a test may make this process fail: throw, hesitate, or die on the spot. Nothing is armed until a
// composition root (or a test) says so; this module never looks at the environment. Until then a failpoint costs one
// look at an empty map. The map belongs to the process, since a crash does too.

export type Fault = { kind: 'throw' } | { kind: 'kill' } | { kind: 'delay'; delayMs: number }

interface Armed {
  fault: Fault
  /** Passes that are left alone before the fault strikes, once. Null: it strikes each time. */
  passesLeft: number | null
}

const armed = new Map<string, Armed>()

export class FailpointHit extends Error {
  override name = 'FailpointHit'
}

const syntax = /^([a-z0-9][a-z0-9._-]*)=(?:(throw|kill)|delay:(\d{1,6}))(?:@([1-9]\d{0,5}))?$/

/**
 * Arms what a text names: `name=throw`, `name=kill`, `name=delay:250`, several divided by `;`. With `@3` the fault
 * strikes on the third pass only. Throws on anything else, and then arms nothing.
 */
export const armFailpoints = (text: string): void => {
  const entries = text.split(';').filter((entry) => entry.trim() !== '')
  const parsed = entries.map((entry): [string, Armed] => {
    const [, name, plain, delay, pass] = syntax.exec(entry.trim()) ?? []
    if (name === undefined) throw new Error(`not a failpoint: ${JSON.stringify(entry)}`)
    const fault: Fault = plain
      ? { kind: plain as 'throw' | 'kill' }
      : { kind: 'delay', delayMs: Number(delay) }
    return [name, { fault, passesLeft: pass === undefined ? null : Number(pass) - 1 }]
  })
  for (const [name, entry] of parsed) armed.set(name, entry)
}

export const disarmFailpoints = (): void => armed.clear()

const strikes = (name: string, entry: Armed): boolean => {
  if (entry.passesLeft === null) return true
  if (entry.passesLeft > 0) {
    entry.passesLeft -= 1
    return false
  }
  armed.delete(name)
  return true
}

/** Marks a place where the process may be made to fail. */
export const failpoint = async (name: string): Promise<void> => {
  const entry = armed.get(name)
  if (!entry || !strikes(name, entry)) return
  if (entry.fault.kind === 'throw') throw new FailpointHit(`failpoint ${name}`)
  if (entry.fault.kind === 'delay') {
    const { delayMs } = entry.fault
    return new Promise((resolve) => setTimeout(resolve, delayMs))
  }
  process.kill(process.pid, 'SIGKILL')
  // The signal may arrive a moment later; nothing after this line may run.
  await new Promise(() => undefined)
}
