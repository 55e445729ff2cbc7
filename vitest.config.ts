import { defineConfig } from 'vitest/config'

const exclude = ['**/node_modules/**', '.pandastack/**']

// unit: pure and fast. world: real Postgres and control plane on fake hosts. host: root, the real engine.
// acceptance: the vendors' published clients against a real installation.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.world.test.ts', '**/*.host.test.ts', 'acceptance/**'],
          isolate: false,
        },
      },
      {
        test: {
          name: 'world',
          include: ['**/*.world.test.ts'],
          exclude,
          globalSetup: ['testing/postgres-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'host',
          include: ['**/*.host.test.ts'],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'acceptance',
          include: ['acceptance/**/*.test.ts'],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
