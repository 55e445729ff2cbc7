// Which distribution this host runs, from the text of os-release. Images are built from the same release, because its
// mirrors, keys and package tools are known to work here. Pure.

export interface Release {
  id: 'debian' | 'ubuntu'
  codename: string
  version: string
}

/** Thrown when images cannot be built on this host; the message says what was found and what is needed. */
export class UnsupportedHost extends Error {
  override readonly name = 'UnsupportedHost'
}

const unquote = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2')

export const parseRelease = (osRelease: string): Release => {
  const fields = new Map<string, string>()
  for (const line of osRelease.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line.trim())
    if (match) fields.set(match[1] ?? '', unquote(match[2] ?? ''))
  }
  const id = fields.get('ID') ?? ''
  const codename = fields.get('VERSION_CODENAME') ?? ''
  if ((id !== 'debian' && id !== 'ubuntu') || !/^[a-z]+$/.test(codename)) {
    const found = fields.get('PRETTY_NAME') ?? (id || 'an unknown system')
    throw new UnsupportedHost(`images are built on Debian or Ubuntu; this host runs ${found}`)
  }
  return { id, codename, version: fields.get('VERSION_ID') ?? '' }
}
