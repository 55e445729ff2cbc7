// Whether a request target lies under one of some path prefixes, by whole segments. A target that a server behind
// might read differently from us (dot segments, encoded slashes, backslashes) lies under none.

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '')

export const inScope = (target: string, prefixes: readonly string[]): boolean => {
  if (prefixes.length === 0) return true
  const path = target.split(/[?#]/, 1)[0] ?? ''
  if (!path.startsWith('/') || ambiguous(path)) return false
  const segments = segmentsOf(path)
  return prefixes.some((prefix) => segmentsOf(prefix).every((segment, index) => segments[index] === segment))
}

const ambiguous = (path: string): boolean => {
  if (/\\|%2f|%5c|%00|%25|\/\//i.test(path)) return true
  return path.split('/').some((segment) => /^\.{1,2}(;.*)?$/.test(segment.replace(/%2e/gi, '.')))
}
