import { describe, expect, test } from 'vitest'
import { aptConfiguration } from './derived-tree.ts'
import { bootstrapArguments } from './base-tree.ts'
import { buildOrder } from './build.ts'
import { certificatesIn, missingFrom } from './certificates.ts'
import { installedPackages } from './dpkg-status.ts'
import { imageEnv, keptBySudo } from './image-env.ts'
import { imageDigest, treeKey, type TreeInputs } from './keys.ts'
import { bootstrapPercent, installPercent } from './progress.ts'
import { findRecipe, UnknownImage } from './recipe.ts'

const inputs: TreeInputs = {
  release: { id: 'debian', codename: 'bookworm', version: '12' },
  architecture: 'amd64',
  nodeSha256: 'a'.repeat(64),
  certificates: ['one', 'two'],
}
const base = findRecipe('base')
const agent = findRecipe('agent')

describe('the key of a tree', () => {
  const key = treeKey(base, inputs)

  test('is the same for the same inputs, in whatever order the certificates were found', () => {
    expect(treeKey(base, { ...inputs, certificates: ['two', 'one'] })).toBe(key)
    expect(key).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each<[string, Partial<TreeInputs>]>([
    ['release', { release: { id: 'debian', codename: 'trixie', version: '13' } }],
    ['architecture', { architecture: 'arm64' }],
    ['Node', { nodeSha256: 'b'.repeat(64) }],
    ['trust', { certificates: ['one'] }],
  ])('changes with the %s', (_, change) => expect(treeKey(base, { ...inputs, ...change })).not.toBe(key))

  test('changes with the recipe and with that of its parent', () => {
    expect(treeKey({ ...base, packages: [...base.packages, 'vim'] }, inputs)).not.toBe(key)
    expect(treeKey(agent, inputs)).not.toBe(key)
  })

  test('does not change with the point release, whose updates come by themselves', () => {
    expect(treeKey(base, { ...inputs, release: { ...inputs.release, version: '12.9' } })).toBe(key)
  })
})

test('the digest of an image changes with what is added to its tree, whose key does not', () => {
  const added = { guestd: 'old', files: 'old' }
  const digest = imageDigest(base, inputs, added)
  expect(imageDigest(base, inputs, { ...added })).toBe(digest)
  expect(imageDigest(base, inputs, { ...added, guestd: 'new' })).not.toBe(digest)
  expect(imageDigest(base, inputs, { ...added, files: 'new' })).not.toBe(digest)
  expect(imageDigest({ ...base, env: { A: '1' } }, inputs, added)).not.toBe(digest)
})

test('names are checked before they become part of a path', () => {
  for (const name of ['../base', '', 'Base', 'toString']) expect(() => findRecipe(name)).toThrow(UnknownImage)
})

test('parents are built before what is made from them, each once', () => {
  expect(buildOrder(['agent', 'base', 'agent'])).toEqual(['base', 'agent'])
})

test('variables that point at certificates survive sudo', () => {
  const pointing = Object.entries(imageEnv(base)).filter(([, value]) => value.startsWith('/etc/ssl/'))
  expect(pointing.length).toBeGreaterThan(3)
  for (const [name] of pointing) expect(keptBySudo).toContain(name)
})

const pem = (body: string): string => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`

describe('certificates', () => {
  const secret = '-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n'

  test('come out of a bundle once each, whatever the line ends, and keys stay out', () => {
    const text = `# a comment\n${pem('QUJD')}${secret}${pem('REVG').replaceAll('\n', '\r\n')}${pem('QUJD')}`
    expect(certificatesIn(text)).toEqual([pem('QUJD'), pem('REVG')])
  })

  test('that are missing are found by content', () => {
    expect(missingFrom(certificatesIn(pem('QUJD')), certificatesIn(pem('REVG'), pem('QUJD')))).toEqual([
      pem('REVG'),
    ])
  })
})

describe('what the package tools are told', () => {
  const setup = {
    release: inputs.release,
    architecture: 'amd64',
    sources: [],
    aptOptions: ['Acquire::http::Proxy "http://proxy.example:3142";'],
    certificates: [],
  }

  test('a bootstrap gets the packages and the way through the proxy, and ends with suite, tree and list', () => {
    const args = bootstrapArguments(base, setup, '/place/tree', '/place/list.sources')
    expect(args).toContain(`--include=${base.packages.join(',')}`)
    expect(args).toContain('--aptopt=Acquire::http::Proxy "http://proxy.example:3142";')
    expect(args.slice(-3)).toEqual(['bookworm', '/place/tree', '/place/list.sources'])
  })

  test('an installation works on the tree, never on the host', () => {
    const lines = aptConfiguration(
      findRecipe('code-interpreter'),
      setup,
      '/place/tree',
      '/place/sources',
    ).split('\n')
    expect(lines).toContain('Dir "/place/tree";')
    expect(lines).toContain('DPkg::Chroot-Directory "/place/tree";')
    expect(lines).toContain('DPkg::Options:: "--path-exclude=/usr/include/boost/*";')
  })
})

test('progress of a bootstrap follows its stages and never goes back', () => {
  const stages = ['running apt-get update...', 'downloading packages with apt...', 'extracting archives...']
  const percents = stages.map((_, index) => bootstrapPercent(stages.slice(0, index + 1).join('\nI: ')))
  expect(percents).toEqual([2, 8, 40])
  expect(bootstrapPercent('')).toBe(0)
})

test('progress of an installation counts packages got, unpacked and set up', () => {
  const log = '0 upgraded, 2 newly installed, 0 to remove\nGet:1 a\nGet:2 b\nUnpacking a\n'
  expect(installPercent(log)).toBe(53)
  expect(installPercent(`${log}Unpacking b\nSetting up a\nSetting up b\n`)).toBe(100)
})

test('only packages that are really installed are listed', () => {
  const status = [
    'Package: b\nStatus: install ok installed\nVersion: 2',
    'Package: a\nStatus: install ok installed\nVersion: 1',
    'Package: gone\nStatus: deinstall ok config-files\nVersion: 3',
  ].join('\n\n')
  expect(installedPackages(status)).toEqual(['a 1', 'b 2'])
})
