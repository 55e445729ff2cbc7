// nftables through its command: one transaction for each call. Owns nothing; the tables belong to `network.ts`.
// Fails with CommandFailed when the kernel or the rules' grammar refuses; then nothing has changed.

import { runChecked } from '@pandastack/kit/process/run.ts'

const deadlineMs = 20_000

/** All or nothing. */
export const applyRules = async (text: string): Promise<void> => {
  await runChecked('nft', ['-f', '-'], { stdin: text, deadlineMs })
}

export interface BaseChain {
  family: string
  table: string
  name: string
  hook: string
  policy: string
}

/** Chains with a hook, of everybody. */
export const baseChains = async (): Promise<BaseChain[]> => {
  const { stdout } = await runChecked('nft', ['-j', 'list', 'chains'], {
    deadlineMs,
    maxOutputBytes: 16_777_216,
  })
  const { nftables } = JSON.parse(stdout) as { nftables: { chain?: Partial<BaseChain> }[] }
  return nftables.flatMap(({ chain }) =>
    chain?.hook === undefined
      ? []
      : [
          {
            family: chain.family ?? '',
            table: chain.table ?? '',
            name: chain.name ?? '',
            hook: chain.hook,
            policy: chain.policy ?? 'accept',
          },
        ],
  )
}

/** Chains of others that drop by default what guests need: packets passed on, questions to the resolver. */
export const foreignDrops = (chains: readonly BaseChain[], prefix: string): string[] =>
  chains
    .filter(({ family, table, hook, policy }) => {
      const ours = table === prefix && (family === 'inet' || family === 'arp')
      return (
        !ours && policy === 'drop' && (hook === 'forward' || hook === 'input') && /^(ip|inet)$/.test(family)
      )
    })
    .map(({ family, table, name }) => `${family} ${table} ${name}`)
