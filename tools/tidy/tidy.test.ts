// Every rule is tried on a planted violation, and on its nearest lawful neighbour.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspect } from './inspect.ts'
import { show } from './violation.ts'

const order = 'Shelf order: `events, projects, hosts < templates < sandboxes`\n'
type Tree = Record<string, string>

const withTree = <T>(tree: Tree, use: (root: string) => T): T => {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'))
  try {
    for (const [path, text] of Object.entries({ 'ARCHITECTURE.md': order, ...tree })) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return use(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const findings = (tree: Tree): string[] => withTree(tree, (root) => inspect(root).violations.map(show))

const importing = (specifier: string): string => `import { x } from '${specifier}'\nexport const y = x\n`
const lines = (count: number): string => 'export {}\n'.repeat(count)
const functionOf = (count: number): string =>
  `export const long = () => {\n${'  void 0\n'.repeat(count - 2)}}\n`
const place = ['', 'work', 'thing'].join('/')
const temporary = ['', 'tmp', 'thing'].join('/')
const registry = ['registry', 'npmjs', 'org'].join('.')

describe('planted violations are caught', () => {
  const planted: [string, Tree, string][] = [
    [
      'a lower level importing a higher one',
      { 'kit/a.ts': importing('@pandastack/db/b.ts') },
      'level 1 does not see level 2',
    ],
    [
      'siblings importing each other',
      { 'api/a.ts': importing('@pandastack/edge/b.ts') },
      'siblings never import',
    ],
    [
      'a driver importing another driver',
      { 'host/drivers/fake/a.ts': importing('@pandastack/driver-gvisor/b.ts') },
      'siblings',
    ],
    ['storage importing network', { 'host/storage/a.ts': importing('@pandastack/network/b.ts') }, 'siblings'],
    [
      'the control plane importing host code',
      { 'api/a.ts': importing('@pandastack/driver/b.ts') },
      'meet at the wire only',
    ],
    [
      'the host agent importing core',
      { 'host/agent/a.ts': importing('@pandastack/core/b.ts') },
      'meet at the wire only',
    ],
    [
      'the cli importing anything but the sdk',
      { 'cli/a.ts': importing('@pandastack/contracts/b.ts') },
      'through the SDK only',
    ],
    ['cli/up importing core', { 'cli/up/a.ts': importing('@pandastack/core/b.ts') }, 'through the SDK only'],
    [
      'the sdk importing more than contracts',
      { 'sdk/typescript/a.ts': importing('@pandastack/kit/b.ts') },
      'contracts only',
    ],
    [
      'a product file importing testing',
      { 'core/a.ts': importing('@pandastack/testing/b.ts') },
      'does not see level 8',
    ],
    [
      'a test importing a higher room',
      { 'core/a.test.ts': importing('@pandastack/api/b.ts') },
      'even a test',
    ],
    ['a relative import that leaves its room', { 'core/a.ts': importing('../kit/b.ts') }, 'leaves its room'],
    [
      'a type import against the direction',
      { 'kit/a.ts': `import type { X } from '@pandastack/core/x.ts'\n` },
      'does not see',
    ],
    [
      'a re-export against the direction',
      { 'kit/a.ts': `export * from '@pandastack/core/x.ts'\n` },
      'does not see',
    ],
    [
      'a dynamic import against the direction',
      { 'kit/a.ts': `await import('@pandastack/core/x.ts')\n` },
      'does not see',
    ],
    [
      'an inline type import against the direction',
      { 'kit/a.ts': `export type X = import('@pandastack/core/x.ts').X\n` },
      'does not see',
    ],
    [
      'an unknown room in an import',
      { 'kit/a.ts': importing('@pandastack/attic/b.ts') },
      'no room of this house',
    ],
    ['a file in no room', { 'attic/a.ts': 'export {}\n' }, 'lies in no room'],
    [
      'a shelf importing a later shelf',
      { 'core/events/a.ts': importing('../sandboxes/b.ts') },
      'does not stand before it',
    ],
    [
      'a shelf importing its neighbour',
      { 'core/events/a.ts': importing('@pandastack/core/hosts/b.ts') },
      'does not stand before',
    ],
    [
      'a port importing a shelf',
      { 'core/ports/a.ts': importing('../sandboxes/b.ts') },
      'core/ports must not import',
    ],
    [
      'a shelf without a place in the order',
      { 'core/attic/a.ts': 'export {}\n' },
      'is missing in ARCHITECTURE.md',
    ],
    [
      'a file of 401 lines',
      { 'kit/a.ts': lines(401), 'kit/b.ts': lines(1), 'kit/c.ts': lines(1) },
      '401 lines, limit 400',
    ],
    ['a function of 71 lines', { 'kit/a.ts': functionOf(71) }, '71 lines, limit 70'],
    [
      'a function of 71 lines inside another one',
      { 'kit/a.ts': `export function outer() {\n${functionOf(71)}\n}\n` },
      '71 lines, limit 70',
    ],
    ['a median of 101 lines', { 'kit/a.ts': lines(101) }, 'median file has 101 lines'],
    ['a class named Manager', { 'kit/a.ts': 'export class SandboxManager {}\n' }, 'SandboxManager'],
    [
      'an interface named Engine',
      { 'kit/a.ts': 'export interface EngineOptions { x: 1 }\n' },
      'EngineOptions',
    ],
    ['a class named Helper', { 'kit/a.ts': 'export const x = class Helper {}\n' }, 'Helper'],
    ['a class named Utils', { 'kit/a.ts': 'export class StringUtils {}\n' }, 'StringUtils'],
    ['a folder named utils', { 'kit/utils/a.ts': 'export {}\n' }, '"utils" says nothing'],
    ['a file named helpers', { 'kit/helpers.ts': 'export {}\n' }, '"helpers" says nothing'],
    [
      'process.env outside a composition root',
      { 'core/a.ts': 'export const x = process.env.X\n' },
      'only composition roots',
    ],
    [
      'process.env deep inside the agent',
      { 'host/agent/steps/a.ts': 'export const x = process.env\n' },
      'only composition roots',
    ],
    [
      'a destructured environment',
      { 'kit/a.ts': 'export const { env } = process\n' },
      'only composition roots',
    ],
    [
      'an imported environment',
      { 'kit/a.ts': `import { env } from 'node:process'\nvoid env\n` },
      'only composition roots',
    ],
    [
      'an environment behind globalThis',
      { 'kit/a.ts': `export const x = globalThis.process['env']\n` },
      'only composition roots',
    ],
    [
      'child_process outside kit/process',
      { 'host/agent/a.ts': importing('node:child_process') },
      'through kit/process only',
    ],
    [
      'child_process without prefix',
      { 'kit/queue/a.ts': importing('child_process') },
      'through kit/process only',
    ],
    [
      'child_process by require',
      { 'kit/a.ts': `require('node:child_process')\n` },
      'through kit/process only',
    ],
    [
      'child_process of the cli outside up',
      { 'cli/a.ts': importing('node:child_process') },
      'through kit/process only',
    ],
    [
      'a cycle of three',
      { 'kit/a.ts': importing('./b.ts'), 'kit/b.ts': importing('./c.ts'), 'kit/c.ts': importing('./a.ts') },
      'kit/a.ts -> ',
    ],
    [
      'an absolute path of one machine in code',
      { 'kit/a.ts': `export const x = '${place}'\n` },
      'path of one machine',
    ],
    [
      'an absolute path of one machine in a document',
      { 'kit/a.ts': 'export {}\n', 'README.md': `see ${place}\n` },
      'path of one machine',
    ],
    ['a fixed temporary path', { 'kit/a.ts': `export const x = '${temporary}'\n` }, 'fixed temporary path'],
    [
      'a registry host',
      { 'kit/a.ts': 'export {}\n', 'a.sh': `curl https://${registry}/x\n` },
      'registry host',
    ],
    [
      'a document that names a file which is not there',
      { 'kit/a.ts': 'export {}\n', 'ARCHITECTURE.md': `${order}See \`kit/b.ts\`.\n` },
      'kit/b.ts does not exist',
    ],
    [
      'a document with a broken link',
      { 'kit/a.ts': 'export {}\n', 'docs/x.md': 'See [that](../kit/b.ts).\n' },
      'kit/b.ts does not exist',
    ],
    [
      'a dependency without a word about it',
      { 'kit/a.ts': 'export {}\n', 'kit/package.json': '{"dependencies":{"left-pad":"1.0.0"}}' },
      'left-pad is missing in README.md',
    ],
    ['a file that does not parse', { 'kit/a.ts': 'export const = 1\n' }, 'syntax'],
    ['a checkout without sources', {}, 'no source file was read'],
  ]
  test.each(planted)('%s', (_, tree, message) => {
    const found = findings(tree)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })
})

describe('lawful neighbours are left alone', () => {
  const lawful: [string, Tree][] = [
    [
      'the agent composing drivers',
      { 'host/agent/main.ts': importing('@pandastack/driver-gvisor/index.ts') },
    ],
    ['the cli using the sdk', { 'cli/a.ts': importing('@pandastack/client/b.ts') }],
    ['a test using testing', { 'core/a.world.test.ts': importing('@pandastack/testing/world.ts') }],
    ['a shelf using an earlier shelf', { 'core/sandboxes/a.ts': importing('../events/b.ts') }],
    ['a shelf using a port', { 'core/events/a.ts': importing('../ports/b.ts') }],
    [
      'types that point at each other',
      { 'kit/a.ts': `import type { X } from './b.ts'\n`, 'kit/b.ts': importing('./a.ts') },
    ],
    [
      'a long describe',
      {
        'kit/a.test.ts': functionOf(90)
          .replace('export const long =', 'describe.each([1])("x",')
          .replace(/\}\n$/, '})\n'),
      },
    ],
    [
      'a file of 400 lines among short ones',
      { 'kit/a.ts': lines(400), 'kit/b.ts': lines(1), 'kit/c.ts': lines(1) },
    ],
    ['process.env in a composition root', { 'control-plane/config.ts': 'export const x = process.env.X\n' }],
    ['child_process in kit/process', { 'kit/process/run.ts': importing('node:child_process') }],
    ['child_process in a test', { 'kit/a.test.ts': importing('node:child_process') }],
    [
      'a name that only contains a banned syllable',
      { 'kit/a.ts': 'export class Engineering {}\nexport class Utility {}\n' },
    ],
    [
      'a temporary path inside a sandbox, in a test',
      { 'api/a.test.ts': `export const x = '${temporary}'\n` },
    ],
    ['a path below another path', { 'kit/a.ts': `export const x = 'data${temporary}'\n` }],
    ['cli/up using kit', { 'cli/up/a.ts': importing('@pandastack/kit/process/run.ts') }],
    ['the program of a room reading the environment', { 'host/images/main.ts': 'void process.env\n' }],
    [
      'documents that name files which are there, and words with a slash',
      {
        'kit/a.ts': 'export {}\n',
        'kit/package.json': '{"dependencies":{"@pandastack/contracts":"*","left-pad":"1.0.0"}}',
        'README.md':
          'See `kit/a.ts`, `kit/`, [it](kit/a.ts#L1), `and/or`, `left-pad`, [out](https://example.com/x).\n',
      },
    ],
    [
      'installed and generated code',
      { 'kit/a.ts': 'export {}\n', 'node_modules/x/a.ts': lines(500), 'sdk/gen/a.ts': lines(500) },
    ],
  ]
  test.each(lawful)('%s', (_, tree) => {
    expect(findings(tree)).toEqual([])
  })
})

const run = (root: string) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), root], { encoding: 'utf8' })

test('the command prints one line per violation and exits with 1', () => {
  const bad = withTree(
    { 'kit/a.ts': 'export class Helper {}\n', 'kit/b.ts': 'export class Manager {}\n' },
    run,
  )
  expect(bad.stdout.trim().split('\n')).toHaveLength(2)
  expect(bad.status).toBe(1)
  expect(withTree({ 'kit/a.ts': 'export {}\n' }, run).status).toBe(0)
})
