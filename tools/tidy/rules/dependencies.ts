// Every package we depend on is in the README's table, where its reason and licence stand.

import type { Violation } from '../violation.ts'

interface Manifest {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

export const dependencies = (path: string, text: string, readme: string): Violation[] => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text) as Manifest
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter((name) => !name.startsWith('@pandastack/') && !readme.includes(`\`${name}\``))
    .map((name) => ({
      path,
      line: 1,
      rule: 'dependencies',
      message: `${name} is missing in README.md, "Dependencies"`,
    }))
}
