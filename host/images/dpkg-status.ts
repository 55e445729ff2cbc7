// The list of installed packages out of dpkg's own record. Pure.

/** `name version`, sorted. */
export const installedPackages = (status: string): string[] =>
  status
    .split(/\n\n+/)
    .flatMap((stanza) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
      return field('Status').endsWith(' installed') ? [`${field('Package')} ${field('Version')}`] : []
    })
    .sort()
