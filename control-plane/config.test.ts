import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const keyFolder = mkdtempSync(join(tmpdir(), 'config-'))
const sealKeyPath = join(keyFolder, 'seal-key')
writeFileSync(sealKeyPath, 'k'.repeat(64))
afterAll(() => rmSync(keyFolder, { recursive: true }))

const least = { DATABASE_URL: 'postgres://localhost/x', PANDASTACK_SEAL_KEY_FILE: sealKeyPath }

test('little is needed, and it listens on loopback', () => {
  const config = readConfig({ ...least, PANDASTACK_PUBLIC_URL: '' })
  expect(config.listen).toEqual({ host: '127.0.0.1', port: 8080 })
  expect(config.publicUrl).toBeNull()
  expect(readConfig({ ...least, PORT: '9000' }).listen.port).toBe(9000)
  expect(readConfig({ ...least, PANDASTACK_LISTEN: '[::1]:81' }).listen).toEqual({ host: '::1', port: 81 })
  expect(readConfig({ ...least, PANDASTACK_PUBLIC_URL: 'https://api.example/' }).publicUrl).toBe(
    'https://api.example',
  )
})

test.each([
  [{}, 'DATABASE_URL'],
  [{ ...least, PANDASTACK_SEAL_KEY_FILE: '' }, 'PANDASTACK_SEAL_KEY_FILE'],
  [{ ...least, PANDASTACK_LISTEN: '8080' }, 'PANDASTACK_LISTEN'],
  [{ ...least, PANDASTACK_LISTEN: '127.0.0.1:99999' }, 'PANDASTACK_LISTEN'],
  [{ ...least, PANDASTACK_PUBLIC_URL: 'ftp://x' }, 'PANDASTACK_PUBLIC_URL'],
  [{ ...least, PANDASTACK_PREVIEW_SUFFIX: 'a b' }, 'PANDASTACK_PREVIEW_SUFFIX'],
  [{ ...least, PANDASTACK_LOG_LEVEL: 'loud' }, 'PANDASTACK_LOG_LEVEL'],
])('what is wrong is named: %j', (env, name) => {
  expect(() => readConfig(env)).toThrow(name)
})

test('a secret that is too short is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'))
  try {
    const path = join(folder, 'secret')
    writeFileSync(path, 'short')
    expect(() => readConfig({ ...least, PANDASTACK_PREVIEW_SECRET_FILE: path })).toThrow('at least 32 bytes')
    expect(() => readConfig({ ...least, PANDASTACK_SEAL_KEY_FILE: path })).toThrow('at least 32 bytes')
    writeFileSync(path, 'x'.repeat(32))
    expect(readConfig({ ...least, PANDASTACK_PREVIEW_SECRET_FILE: path }).secret).toHaveLength(32)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
