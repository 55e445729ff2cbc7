import { setTimeout as sleep } from 'node:timers/promises'
import { buildCommand } from '@stricli/core'
import { createClient } from '@pandastack/client/client.ts'
import { homeIn, printJson, type Context } from '../context.ts'
import { Refusal } from '../exit-codes.ts'
import { createSteps } from '../terminal/steps.ts'
import type { Home } from '../up/home.ts'
import { bringUp, type Up } from '../up/bring-up.ts'
import { followEnd } from '../up/follow.ts'
import { freeIndexHere } from '../up/network-index.ts'
import { readApiKey } from '../up/secrets.ts'
import { apiUrl, mergeSettings, readSettings } from '../up/settings.ts'
import { readState, supervisorRuns } from '../up/state.ts'
import { takeDown } from '../up/stop-all.ts'
import { readTier, summary } from '../up/summary.ts'
import { takeLock } from '../up/supervisor/only-one.ts'
import { jsonFlag, text } from './flags.ts'

interface Flags {
  detach: boolean
  listen?: string
  proof: boolean
  json: boolean
}

const waitForOther = 120

/** Another `up` that is still at work is waited for: then this one finds everything running. */
const lockFor = async (context: Context, home: Home): Promise<AsyncDisposable> => {
  for (let tries = 0; tries < waitForOther; tries++) {
    const lock = await takeLock(home.dir, 'up')
    if (lock) return lock
    if (tries === 0) context.process.stderr.write('another "up" is at work here: waiting for it\n')
    await sleep(5000, undefined, { signal: context.signal })
  }
  throw new Refusal('another "up" of this installation does not come to an end')
}

/** What runs already, if it answers with the key that is kept here. */
const running = async (home: Home, settings: { listen: string }): Promise<Up | null> => {
  const state = readState(home.run)
  if (!supervisorRuns(state) || state.phase !== 'running') return null
  const key = await readApiKey(home)
  const url = apiUrl(state.listen)
  if (key === null || !(await createClient({ url, key }).healthy())) return null
  if (settings.listen !== state.listen) {
    throw new Refusal(`it runs already and listens on ${state.listen}`, {
      hint: 'run "pandastack restart --listen" to change that',
    })
  }
  return { url, key }
}

const show = async (context: Context, home: Home, up: Up, json: boolean): Promise<void> => {
  const tier = await readTier(home)
  if (json)
    printJson(context, { api: up.url, key: up.key, tier: tier?.tier ?? null, reason: tier?.reason ?? null })
  else context.process.stdout.write(summary({ ...up, tier, program: context.program }))
}

export const up = buildCommand({
  docs: { brief: 'Check this machine, install what is missing, start everything, prove it' },
  parameters: {
    flags: {
      detach: { kind: 'boolean', brief: 'Return when everything runs, and leave it running', default: false },
      listen: {
        kind: 'parsed',
        parse: text,
        brief: 'HOST:PORT of the API',
        placeholder: 'address',
        optional: true,
      },
      proof: { kind: 'boolean', brief: 'Run a command in a sandbox at the end', default: true },
      json: jsonFlag,
    },
    aliases: { d: 'detach' },
  },
  async func(this: Context, flags: Flags) {
    const home = homeIn(this)
    // The first `up` takes a range of addresses that this machine does not use; later ones keep it.
    const kept = { networkIndex: freeIndexHere(), ...(await readSettings(home.dir)) }
    const settings = mergeSettings(kept, this.env, flags.listen)
    // With --json only the result is on stdout.
    const steps = createSteps(flags.json ? this.process.stderr : this.process.stdout)
    const found = await running(home, settings)
    if (found) {
      if (!flags.json) this.process.stdout.write('It runs already.\n')
      return show(this, home, found, flags.json)
    }
    const task = { home, settings, env: this.env, steps, signal: this.signal }
    try {
      const made = await bringUp({ ...task, proof: flags.proof, lock: () => lockFor(this, home) })
      await show(this, home, made, flags.json)
    } catch (error) {
      // What was started for this `up` goes with it; an unproven installation is left running to be looked at.
      if (this.signal.aborted) await takeDown(task)
      throw error
    }
    if (flags.detach) return
    this.process.stderr.write('Running. Ctrl-C ends it and its sandboxes.\n')
    const ending = await followEnd(home, steps, this.signal)
    if (ending === 'asked') await takeDown(task)
  },
})
