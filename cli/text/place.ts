// `ID:PATH` or a path of this machine. Pure.

export type Place = { kind: 'remote'; id: string; path: string } | { kind: 'local'; path: string }

const remote = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(.*)$/s

export const parsePlace = (text: string): Place => {
  const match = remote.exec(text)
  // Without a path it is the home of the sandbox's user.
  return match ? { kind: 'remote', id: match[1] ?? '', path: match[2] || '.' } : { kind: 'local', path: text }
}

/** A name that stays in the directory it is put into: what a sandbox calls its files is not to be trusted. */
export const isPlainName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')
