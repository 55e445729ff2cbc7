// The few things a proxy does with cookies: read one, take some out, and judge what a reply wants to set.

/** The value of a cookie in a `Cookie` header; the first one counts. */
export const readCookie = (header: string | undefined, name: string): string | null => {
  for (const [key, value] of parts(header ?? '')) if (key === name) return value
  return null
}

/** The header without the cookies that `isOurs` names; null when nothing is left. */
export const withoutCookies = (header: string, isOurs: (name: string) => boolean): string | null => {
  const kept = header.split(';').filter((pair) => {
    const [key = ''] = pair.split('=', 1)
    return key.trim() !== '' && !isOurs(key.trim())
  })
  return kept.length > 0 ? kept.map((pair) => pair.trim()).join('; ') : null
}

/** Name and `Domain` of a `Set-Cookie` value. */
export const setCookieScope = (value: string): { name: string; domain: string | null } => {
  const [first = '', ...attributes] = value.split(';')
  let domain: string | null = null
  for (const attribute of attributes) {
    const [key = '', text = ''] = attribute.split('=', 2)
    // Browsers obey the last one.
    if (key.trim().toLowerCase() === 'domain') domain = text.trim().toLowerCase().replace(/^\./, '')
  }
  return { name: (first.split('=', 1)[0] ?? '').trim(), domain: domain === '' ? null : domain }
}

const parts = (header: string): [string, string][] =>
  header.split(';').map((pair) => {
    const mark = pair.indexOf('=')
    return mark < 0 ? ['', pair.trim()] : [pair.slice(0, mark).trim(), pair.slice(mark + 1).trim()]
  })
