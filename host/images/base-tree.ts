// The package tree of a recipe without a parent: the bare distribution and the recipe's packages, by mmdebstrap.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatDeb822 } from './apt-entry.ts'
import { buildOptions, credentialOptions } from './apt-options.ts'
import type { HostSetup } from './host-setup.ts'
import { runIsolated, type BuildContext } from './isolate.ts'
import { bootstrapPercent } from './progress.ts'
import { excludedPaths, type Recipe } from './recipe.ts'

/** Arguments of mmdebstrap. What it writes about apt and dpkg into the tree is replaced afterwards. Pure. */
export const bootstrapArguments = (
  recipe: Recipe,
  setup: HostSetup,
  tree: string,
  sourcesFile: string,
): string[] => [
  '--variant=minbase',
  '--mode=root',
  '--format=directory',
  `--architectures=${setup.architecture}`,
  `--include=${recipe.packages.join(',')}`,
  ...[...buildOptions, ...credentialOptions, ...setup.aptOptions].map((option) => `--aptopt=${option}`),
  ...excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
  // The tree is flushed once at the end instead of after each file.
  '--dpkgopt=force-unsafe-io',
  '--skip=output/dev',
  setup.release.codename,
  tree,
  sourcesFile,
]

/** Installs into `dir/tree`, which is made here. */
export const bootstrapTree = async (
  dir: string,
  recipe: Recipe,
  setup: HostSetup,
  context: BuildContext,
  onPercent: (percent: number) => void,
): Promise<void> => {
  const sourcesFile = join(dir, 'distribution.sources')
  await writeFile(sourcesFile, setup.sources.map(formatDeb822).join('\n'))
  const step = {
    what: `installing ${setup.release.id} ${setup.release.codename}`,
    script: 'exec mmdebstrap "$@"',
    args: bootstrapArguments(recipe, setup, join(dir, 'tree'), sourcesFile),
    log: join(dir, 'bootstrap.log'),
    onLog: (log: string) => onPercent(bootstrapPercent(log)),
  }
  await runIsolated(step, context)
}
