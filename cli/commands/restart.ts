import { buildCommand } from '@stricli/core'
import { homeIn, type Context } from '../context.ts'
import { createSteps } from '../terminal/steps.ts'
import { prepare } from '../up/prepare.ts'
import { apiUrl, mergeSettings, readSettings, writeSettings } from '../up/settings.ts'
import { startSupervisor } from '../up/start.ts'
import { stopProcesses } from '../up/stop.ts'
import { text } from './flags.ts'

export const restart = buildCommand({
  docs: { brief: 'Start everything anew, with the code and settings of now; sandboxes run on' },
  parameters: {
    flags: {
      listen: {
        kind: 'parsed',
        parse: text,
        brief: 'HOST:PORT of the API from now on',
        placeholder: 'address',
        optional: true,
      },
    },
  },
  async func(this: Context, flags: { listen?: string }) {
    const home = homeIn(this)
    const steps = createSteps(this.process.stdout)
    const settings = mergeSettings(await readSettings(home.dir), this.env, flags.listen)
    const task = { home, settings, env: this.env, steps, signal: this.signal }
    await prepare(task)
    await writeSettings(home.dir, settings)
    steps.heading('Restarting')
    await steps.run('stop control plane, host agent, database', () => stopProcesses(home))
    await startSupervisor(task)
    steps.note(`the API is at ${apiUrl(settings.listen)}; sandboxes ran on`)
  },
})
