// What is in each template of the catalogue: packages by name and the image they are added to. Pure data; a change here
// changes the keys of all trees built from it.

export interface Recipe {
  name: string
  /** The recipe whose tree this one starts from; null: from the bare distribution. */
  parent: string | null
  packages: readonly string[]
  /** Paths that its packages would install and nobody needs inside a sandbox. */
  exclude: readonly string[]
  /** Added to the environment of the image. */
  env: Readonly<Record<string, string>>
}

/** Raised when the steps that make a tree change in a way that the recipes' text does not show. */
export const treeFormat = 1

/** The npm that goes with the Node of the checkout. */
export const npmVersion = '11.21.2'

export const imageUser = { name: 'user', uid: 1000, home: '/home/user' } as const

const base: readonly string[] = [
  // Ubuntu's smallest variant leaves out apt and what Node is linked against.
  'apt',
  'bash',
  'ca-certificates',
  'curl',
  'git',
  'iproute2',
  'less',
  'libstdc++6',
  'nano',
  'openssh-client',
  'procps',
  'python-is-python3',
  'python3',
  'python3-pip',
  'python3-venv',
  'sudo',
  'tzdata',
  'unzip',
  'xz-utils',
]

const agent: readonly string[] = [
  'build-essential',
  'file',
  'gcc',
  'jq',
  'make',
  'pkg-config',
  'ripgrep',
  'rsync',
  'sqlite3',
  'tree',
]

const codeInterpreter: readonly string[] = [
  'ipython3',
  'python3-matplotlib',
  'python3-numpy',
  'python3-pandas',
]

/** matplotlib needs scipy, which in Debian 12 brings a compiler for numeric code with all its headers. */
const numericBallast = [
  '/usr/include/boost/*',
  '/usr/share/unicode/*',
  '/usr/bin/*-lto-dump-*',
  '/usr/lib/*/openblas*/*.a',
  '/usr/lib/python3*/config-*/*.a',
]

export const recipes: readonly Recipe[] = [
  { name: 'base', parent: null, packages: base, exclude: [], env: {} },
  { name: 'agent', parent: 'base', packages: agent, exclude: [], env: {} },
  {
    name: 'code-interpreter',
    parent: 'base',
    packages: codeInterpreter,
    exclude: numericBallast,
    env: { MPLBACKEND: 'Agg' },
  },
]

/** What no package may install in any image. The directories of caches and lists are emptied afterwards. */
export const excludedPaths: readonly string[] = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/lintian/*',
]

/** Thrown for a name that no recipe has. */
export class UnknownImage extends Error {
  override readonly name = 'UnknownImage'
}

export const findRecipe = (name: string): Recipe => {
  const recipe = recipes.find((candidate) => candidate.name === name)
  if (recipe) return recipe
  throw new UnknownImage(
    `no image is called ${JSON.stringify(name)}; there are ${recipes.map((r) => r.name).join(', ')}`,
  )
}

/** The recipes that a tree is made of, the bottom one first. */
export const lineage = (recipe: Recipe): Recipe[] =>
  recipe.parent === null ? [recipe] : [...lineage(findRecipe(recipe.parent)), recipe]
