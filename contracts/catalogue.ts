// The templates that every installation has. What is in them is the business of host/images; names, aliases and sizes
// are known to both sides of the host wire.

export interface CatalogueEntry {
  name: string
  aliases: readonly string[]
  cpu: number
  memoryMb: number
  diskMb: number
  label: string
  description: string
  tools: readonly string[]
  base: string
}

export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'base',
    aliases: ['ubuntu-24.04', 'ubuntu-24.04-net', 'node'],
    cpu: 2,
    memoryMb: 1024,
    diskMb: 8192,
    label: 'Base',
    description: 'The host distribution with Python, Node.js, git and curl',
    tools: ['python3', 'node', 'npm', 'git', 'curl', 'bash'],
    base: '',
  },
  {
    name: 'agent',
    aliases: [],
    cpu: 2,
    memoryMb: 2048,
    diskMb: 8192,
    label: 'Agent',
    description: 'Base with what coding agents reach for: build tools, ripgrep, jq, sqlite, ssh',
    tools: ['python3', 'node', 'npm', 'git', 'curl', 'bash', 'gcc', 'make', 'rg', 'jq', 'sqlite3', 'ssh'],
    base: 'base',
  },
  {
    name: 'code-interpreter',
    aliases: [],
    cpu: 2,
    memoryMb: 2048,
    diskMb: 8192,
    label: 'Code interpreter',
    description: 'Base with numpy, pandas and matplotlib',
    tools: ['python3', 'node', 'npm', 'git', 'curl', 'bash', 'numpy', 'pandas', 'matplotlib'],
    base: 'base',
  },
]

/** The entry behind a name or an alias. */
export const findTemplate = (name: string): CatalogueEntry | undefined =>
  catalogue.find((entry) => entry.name === name || entry.aliases.includes(name))
