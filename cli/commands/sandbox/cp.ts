import { buildCommand } from '@stricli/core'
import { clientFor, printJson, type Context } from '../../context.ts'
import { Refusal } from '../../exit-codes.ts'
import { download, upload, type Copied } from '../../terminal/copy.ts'
import { parsePlace } from '../../text/place.ts'
import { jsonFlag, text } from '../flags.ts'

export const copyFiles = buildCommand({
  docs: {
    brief: 'Copy files and directories into or out of a sandbox',
    fullDescription:
      'One side is ID:PATH, the other a path of this machine; `-` is standard input or output.',
  },
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'What is copied', placeholder: 'from', parse: text },
        { brief: 'Where to', placeholder: 'to', parse: text },
      ],
    },
  },
  async func(this: Context, flags: { json: boolean }, from: string, to: string) {
    const source = parsePlace(from)
    const target = parsePlace(to)
    const client = await clientFor(this)
    const task = { files: client.files, screen: this.process.stderr, signal: this.signal }
    let copied: Copied
    if (source.kind === 'remote' && target.kind === 'local')
      copied = await download(task, source, target.path)
    else if (source.kind === 'local' && target.kind === 'remote')
      copied = await upload(task, source.path, target)
    else throw new Refusal('one of the two has to be ID:PATH and the other a path of this machine')
    if (flags.json) printJson(this, copied)
  },
})
