import { buildCommand } from '@stricli/core'
import { homeIn, type Context } from '../context.ts'
import { createSteps } from '../terminal/steps.ts'
import { mergeSettings, readSettings } from '../up/settings.ts'
import { livingComponents, readState, supervisorRuns } from '../up/state.ts'
import { takeDown } from '../up/stop-all.ts'

export const down = buildCommand({
  docs: { brief: 'End all sandboxes and stop everything; data stays' },
  parameters: {},
  async func(this: Context) {
    const home = homeIn(this)
    const steps = createSteps(this.process.stdout)
    const state = readState(home.run)
    if (!supervisorRuns(state) && livingComponents(state).length === 0) steps.note('nothing runs here')
    const settings = mergeSettings(await readSettings(home.dir), this.env, undefined)
    await takeDown({ home, settings, env: this.env, steps })
  },
})
