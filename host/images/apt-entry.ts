// Reads both formats of apt's source lists into one shape. Pure; a line that apt itself would refuse is skipped.

export interface AptEntry {
  uris: string[]
  suites: string[]
  components: string[]
  /** Options in deb822 spelling (`Signed-By`, `Trusted`), values as written; a key block keeps its lines. */
  options: Record<string, string>
}

/** Names of one-line options that are spelled otherwise in deb822. */
const optionNames: Record<string, string> = {
  'signed-by': 'Signed-By',
  trusted: 'Trusted',
  arch: 'Architectures',
  'check-valid-until': 'Check-Valid-Until',
  'check-date': 'Check-Date',
}

const keptFields = new Set(Object.values(optionNames).map((name) => name.toLowerCase()))

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '')

const parseOptions = (text: string): Record<string, string> => {
  const options: Record<string, string> = {}
  for (const part of words(text)) {
    const [key = '', value = ''] = part.split('=', 2)
    const name = optionNames[key.toLowerCase()]
    if (name !== undefined) options[name] = value.replaceAll(',', ' ')
  }
  return options
}

/** `deb [signed-by=…] uri suite component…`, one a line. */
export const parseOneLine = (text: string): AptEntry[] =>
  text.split('\n').flatMap((line) => {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line.replace(/#.*$/, '').trim())
    if (!match) return []
    const [, options = '', uri = '', suite = '', components] = match
    return [{ uris: [uri], suites: [suite], components: words(components), options: parseOptions(options) }]
  })

const parseStanza = (stanza: string): Map<string, string> => {
  const fields = new Map<string, string>()
  let last = ''
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue
    const match = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line)
    if (match) {
      last = (match[1] ?? '').toLowerCase()
      fields.set(last, (match[2] ?? '').trimEnd())
    } else if (/^\s/.test(line) && last !== '') {
      fields.set(last, `${fields.get(last) ?? ''}\n ${line.trim()}`)
    }
  }
  return fields
}

/** Stanzas of `Types: deb`, `URIs: …`, separated by empty lines. */
export const parseDeb822 = (text: string): AptEntry[] =>
  text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = parseStanza(stanza)
    const enabled = !/^(no|false|off|0)$/i.test(fields.get('enabled') ?? 'yes')
    if (!enabled || !words(fields.get('types')).includes('deb')) return []
    const options: Record<string, string> = {}
    for (const name of Object.values(optionNames)) {
      const value = fields.get(name.toLowerCase())
      if (value !== undefined && keptFields.has(name.toLowerCase())) options[name] = value
    }
    return [
      {
        uris: words(fields.get('uris')),
        suites: words(fields.get('suites')),
        components: words(fields.get('components')),
        options,
      },
    ]
  })

/** One entry as a deb822 stanza. */
export const formatDeb822 = (entry: AptEntry): string =>
  [
    'Types: deb',
    `URIs: ${entry.uris.join(' ')}`,
    `Suites: ${entry.suites.join(' ')}`,
    `Components: ${entry.components.join(' ')}`,
    ...Object.entries(entry.options).map(([name, value]) => `${name}: ${value}`),
    '',
  ].join('\n')
