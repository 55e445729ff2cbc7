import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Nic } from '@pandastack/driver/values.ts'
import {
  createWorld,
  dnsAddress,
  farAddress,
  hostAddress,
  hostNetns,
  inNetns,
  ip,
  obstacle,
  prefix,
  privateAddresses,
  publicAddresses,
  udpPort,
  type World,
} from './fixtures/world.ts'
import type { Actor } from './fixtures/rpc.ts'

const reason = await obstacle()
if (reason !== undefined) console.log(`SKIP network in namespaces: ${reason}`)

const settings = {
  prefix,
  slotsMax: 64,
  shelfSize: 2,
  upstreams: [{ address: dnsAddress, port: 53 }],
  caps: { connections: 50, newConnectionsPerSecond: 1000, newConnectionsBurst: 5000 },
}
const nft = async (...args: string[]): Promise<string> => (await inNetns(hostNetns, 'nft', ...args)).stdout
const counter = async (name: string, family = 'inet'): Promise<number> =>
  Number(/packets (\d+)/.exec(await nft('list', 'counter', family, prefix, name))?.[1])
const netnsOf = (nic: Nic): string => `${prefix}-${nic.slot}`

describe.skipIf(reason !== undefined)('slots in a world of their own', () => {
  let world: World
  let agent: Actor
  let nic: Nic
  let guest: Actor
  let neighbour: Nic
  let neighbourGuest: Actor

  beforeAll(async () => {
    world = await createWorld()
    agent = world.startAgent()
    await agent.call('open', settings)
    nic = await agent.call('acquire')
    neighbour = await agent.call('acquire')
    guest = world.startGuest(netnsOf(nic))
    neighbourGuest = world.startGuest(netnsOf(neighbour))
    await guest.call('serve', 8080)
    await neighbourGuest.call('serve', 8080)
  })
  afterAll(async () => {
    await agent?.call('close', [])
    await world?.[Symbol.asyncDispose]()
  })
  const hits = (): Promise<string[]> => world.listener.call('takeHits')

  test('the world answers at every address, private or not, when our policy is taken away', async () => {
    for (const chain of ['leaving', 'before_translation', 'to_host'])
      await nft('flush', 'chain', 'inet', prefix, chain)
    for (const address of [...publicAddresses, ...privateAddresses]) {
      expect(await guest.call('tcp', address, 80), address).toContain('HIT')
      expect(await guest.call('udp', address, udpPort), address).toBe('ECHO')
    }
    for (const port of [25, 465, 587]) expect(await guest.call('tcp', '198.51.100.7', port)).toContain('HIT')
    expect(await guest.call('tcp', neighbour.hostAddress, 8080)).toContain('guest seen')
    await hits()
  })

  test('a restarted agent adopts running guests and puts the policy up without losing one packet', async () => {
    await guest.call('startStream', '198.51.100.7', udpPort)
    agent.process.kill('SIGKILL')
    agent = world.startAgent()
    await agent.call('open', settings)
    await agent.call('adopt', [nic, neighbour])
    const { sent, lost } = await guest.call<{ sent: number; lost: number[] }>('stopStream')
    await hits()
    expect(sent).toBeGreaterThan(10)
    expect(lost).toEqual([])
    expect(await agent.call('leaks', [nic, neighbour])).toEqual([])
  })

  test('private, link-local, metadata and reserved addresses are refused at once, and nothing arrives there', async () => {
    for (const address of privateAddresses) {
      expect(await guest.call('tcp', address, 80), address).toBe('ECONNREFUSED')
      expect(await guest.call('udp', address, udpPort), address).not.toBe('ECHO')
    }
    for (const address of ['127.0.0.2', '224.0.0.1', '240.0.0.1', '255.255.255.255']) {
      expect(await guest.call('tcp', address, 80), address).not.toContain('HIT')
    }
    expect(await hits()).toEqual([])
  })

  test('public addresses are reached, and see the host as the sender', async () => {
    for (const address of publicAddresses) {
      expect(await guest.call('tcp', address, 443)).toContain(
        `HIT from ::ffff:${hostAddress}`.replace('::ffff:', ''),
      )
      expect(await guest.call('udp', address, udpPort)).toBe('ECHO')
    }
    expect(await hits()).toHaveLength(publicAddresses.length * 2)
  })

  test('mail ports are refused', async () => {
    for (const port of [25, 465, 587])
      expect(await guest.call('tcp', '198.51.100.7', port)).toBe('ECONNREFUSED')
    expect(await hits()).toEqual([])
  })

  test('the host is out of reach at each of its addresses, also at one that it gets later', async () => {
    await ip(`netns exec ${hostNetns} ip addr add 198.51.100.200/32 dev lo\n`)
    using _ = {
      [Symbol.dispose]: () => void ip(`netns exec ${hostNetns} ip addr del 198.51.100.200/32 dev lo\n`),
    }
    for (const address of [hostAddress, '198.51.100.200', nic.gateway]) {
      expect(await guest.call('tcp', address, 22), address).toBe('ECONNREFUSED')
    }
    expect(await counter('host')).toBeGreaterThanOrEqual(3)
  })

  test('a neighbour is out of reach, by its slot address and by the address that all guests have', async () => {
    expect(await guest.call('tcp', neighbour.hostAddress, 8080)).toBe('ECONNREFUSED')
    expect(await guest.call('udp', neighbour.hostAddress, 8080)).not.toBe('ECHO')
    expect(await neighbourGuest.call('tcp', nic.hostAddress, 8080)).toBe('ECONNREFUSED')
  })

  test('the host reaches each guest at its slot address, and both guests think they have the same one', async () => {
    expect(nic.guestAddress).toBe(neighbour.guestAddress)
    expect(nic.hostAddress).not.toBe(neighbour.hostAddress)
    for (const { hostAddress: address } of [nic, neighbour]) {
      expect(await agent.call('ask', address, 8080, 'x')).toBe(`guest seen from ${nic.gateway}`)
    }
  })

  test('other users of the host and other machines do not reach guests', async () => {
    const script = `exec 3<>/dev/tcp/${nic.hostAddress}/8080 && head -c 5 <&3`
    const asRoot = await inNetns(hostNetns, 'timeout', '2', 'bash', '-c', script)
    expect(asRoot.stdout).toBe('guest')
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups']
    const asNobody = await inNetns(hostNetns, 'setpriv', ...nobody, 'timeout', '2', 'bash', '-c', script)
    expect(asNobody.stdout).toBe('')
    await ip(`netns exec ${prefix}-world ip route replace ${nic.hostAddress}/32 via ${hostAddress}\n`)
    const fromOutside = await inNetns(`${prefix}-world`, 'timeout', '2', 'bash', '-c', script)
    expect(fromOutside.stdout).toBe('')
    expect(await counter('inbound')).toBeGreaterThan(0)
  })

  test('names resolve through our resolver, whichever server a guest asks', async () => {
    for (const server of [nic.gateway, '8.8.8.8', '10.1.2.3', hostAddress]) {
      expect(await guest.call('dns', server, 'public.test', 'A')).toMatchObject({
        rcode: 0,
        answers: ['198.51.100.7'],
      })
      expect(await guest.call('dnsTcp', server, 'public.test', 'A')).toMatchObject({
        answers: ['198.51.100.7'],
      })
    }
    expect(await guest.call('dns', nic.gateway, 'absent.test', 'A')).toMatchObject({ rcode: 3 })
    expect(await hits()).toEqual([])
  })

  test('names that point inwards do not exist', async () => {
    for (const name of ['inward.test', 'metadata.test'])
      expect(await guest.call('dns', nic.gateway, name, 'A')).toMatchObject({ rcode: 3, answers: [] })
    expect(await guest.call('dns', nic.gateway, 'mapped.test', 'AAAA')).toMatchObject({
      rcode: 3,
      answers: [],
    })
    expect(await guest.call('dns', nic.gateway, 'six.test', 'AAAA')).toMatchObject({ rcode: 0, answers: [] })
  })

  test('an answer too long for a datagram comes over TCP', async () => {
    expect(await guest.call('dns', nic.gateway, 'long.test', 'A')).toMatchObject({
      truncated: true,
      answers: [],
    })
    const long = await guest.call<{ answers: string[] }>('dnsTcp', nic.gateway, 'long.test', 'A')
    expect(long.answers).toHaveLength(60)
  })

  test('the resolver serves nobody but guests', async () => {
    const outside = world.startGuest(`${prefix}-world`)
    await ip(`netns exec ${prefix}-world ip route replace ${nic.gateway}/32 via ${hostAddress}\n`)
    expect(await outside.call('dns', nic.gateway, 'public.test', 'A')).toBe('SILENCE')
  })

  test('forged addresses do not leave the slot', async () => {
    await hits()
    const netns = netnsOf(nic)
    const before = await counter('forged')
    for (const address of [neighbour.hostAddress, nic.hostAddress, hostAddress, '198.51.100.99']) {
      await ip(`netns exec ${netns} ip addr add ${address}/32 dev eth0\n`)
      expect(await guest.call('udp', '203.0.113.9', udpPort, address), address).toBe('SILENCE')
      await ip(`netns exec ${netns} ip addr del ${address}/32 dev eth0\n`)
    }
    await ip(`netns exec ${netns} ip link set eth0 address 02:00:00:00:00:99\n`)
    expect(await guest.call('udp', '203.0.113.9', udpPort)).not.toBe('ECHO')
    expect(await hits()).toEqual([])
    expect(await counter('forged')).toBeGreaterThanOrEqual(before + 4)
    expect(await counter('forged', 'arp')).toBeGreaterThan(0)
    await agent.call('refresh', nic)
    expect(await guest.call('udp', '203.0.113.9', udpPort)).toBe('ECHO')
  })

  test('nobody speaks IPv6, inside or at the host’s end', async () => {
    const inside = await inNetns(netnsOf(nic), 'ip', '-6', 'addr', 'show', 'dev', 'eth0')
    const outside = await inNetns(hostNetns, 'ip', '-6', 'addr', 'show', 'dev', netnsOf(nic))
    expect([inside.stdout, outside.stdout]).toEqual(['', ''])
    await ip(`netns exec ${netnsOf(nic)} ip addr add fe80::2/64 dev eth0 nodad\n`)
    const ping = await inNetns(netnsOf(nic), 'bash', '-c', 'exec 3<>/dev/udp/ff02::1%eth0/9; echo x >&3')
    expect(ping.exitCode).toBe(0)
    await ip(`netns exec ${netnsOf(nic)} ip addr del fe80::2/64 dev eth0\n`)
    const neighbours = await inNetns(hostNetns, 'ip', '-6', 'neigh', 'show', 'dev', netnsOf(nic))
    expect(neighbours.stdout).toBe('')
  })

  test('a guest learns of narrow lines, so that large sends arrive', async () => {
    for (const [who, { slot }] of [
      [guest, nic],
      [neighbourGuest, neighbour],
    ] as const) {
      const lookUp = async () => (await inNetns(`${prefix}-${slot}`, 'ip', 'route', 'get', farAddress)).stdout
      expect(await lookUp()).not.toContain('mtu')
      const sent = await who.call('tcp', farAddress, 80, { sendBytes: 300_000, patienceMs: 10_000 })
      expect(sent).toContain('after 300000')
      expect(await lookUp()).toContain('mtu 1000')
    }
  })

  test('a large transfer through segmentation and checksum offload arrives whole', async () => {
    const sendBytes = 64 * 1024 * 1024
    expect(await guest.call('tcp', '198.51.100.7', 80, { sendBytes, patienceMs: 20_000 })).toContain(
      `after ${sendBytes}`,
    )
  })

  test('one guest holds no more connections than it may, and its neighbour is not affected', async () => {
    expect(await guest.call('crowd', '198.51.100.7', 80, 120)).toBeLessThanOrEqual(50)
    expect(await counter('flows')).toBeGreaterThan(0)
    expect(await neighbourGuest.call('tcp', '198.51.100.7', 80)).toContain('HIT')
  })

  test('connections from an earlier life are reset and not left hanging', async () => {
    const before = await counter('stale')
    await guest.call('hold', '198.51.100.7', 80)
    const { stderr } = await inNetns(hostNetns, 'conntrack', '-D', '-s', nic.hostAddress)
    expect(stderr).toContain('deleted')
    expect(await guest.call('useHeld')).toBe('ECONNRESET')
    expect(await counter('stale')).toBeGreaterThan(before)
  })

  test('rules that somebody else has flushed are put up again, and until then guests are cut off', async () => {
    await nft('flush', 'ruleset')
    await ip(`netns exec ${hostNetns} ip addr del ${nic.gateway}/32 dev lo\n`)
    expect(await guest.call('udp', '10.1.2.3', udpPort)).toBe('SILENCE')
    await expect.poll(() => nft('list', 'tables'), { timeout: 10_000 }).toContain(`inet ${prefix}`)
    expect(await guest.call('tcp', '198.51.100.7', 80)).toContain('HIT')
    expect(await guest.call('tcp', '10.1.2.3', 80)).toBe('ECONNREFUSED')
    expect((await inNetns(hostNetns, 'ip', 'addr', 'show', 'dev', 'lo')).stdout).toContain(nic.gateway)
    expect((await hits()).filter((hit) => hit.includes(' 10.'))).toEqual([])
  })

  test('a released slot is reused clean, and a full house is refused', async () => {
    const taken: Nic[] = []
    for (let count = 0; count < 62; count++) taken.push(await agent.call('acquire'))
    await expect(agent.call('acquire')).rejects.toThrow('all 64 network slots are in use')
    await Promise.all(taken.map((one) => agent.call('release', one)))
    const again = await agent.call<Nic>('acquire')
    const addresses = await inNetns(netnsOf(again), 'ip', '-4', '-o', 'addr', 'show', 'dev', 'eth0')
    expect(addresses.stdout.match(/inet /g)).toHaveLength(1)
    expect(addresses.stdout).toContain(`${again.guestAddress}/30`)
    await agent.call('release', again)
    await agent.call('release', again)
    expect(await agent.call('leaks', [nic, neighbour])).toEqual([])
  })

  test('a slot with a strange interface in it is not reused', async () => {
    const dirty = await agent.call<Nic>('acquire')
    await ip(`netns exec ${netnsOf(dirty)} ip link add odd0 type veth peer name odd1\n`)
    await agent.call('release', dirty)
    const { stdout } = await inNetns(netnsOf(dirty), 'ip', 'link', 'show', 'odd0')
    expect(stdout).toBe('')
  })

  test('what is left behind is found, and goes when the known ones are adopted', async () => {
    const lost = await agent.call<Nic>('acquire')
    agent.process.kill('SIGKILL')
    agent = world.startAgent()
    await agent.call('open', settings)
    const leaks = await agent.call<{ name: string }[]>('leaks', [nic, neighbour])
    expect(leaks.map(({ name }) => name)).toContain(netnsOf(lost))
    await agent.call('adopt', [nic, neighbour])
    expect(await agent.call('leaks', [nic, neighbour])).toEqual([])
    expect(await agent.call('ask', nic.hostAddress, 8080, 'x')).toContain('guest')
  })

  test('leaving keeps some guests under their rules, a new agent may change them, leaving for good takes all away', async () => {
    await agent.call('close', [nic])
    expect(await guest.call('tcp', '198.51.100.7', 80)).toContain('HIT')
    expect(await guest.call('tcp', '10.1.2.3', 80)).toBe('ECONNREFUSED')
    await neighbourGuest[Symbol.asyncDispose]()
    await agent.call('open', {
      ...settings,
      caps: { bandwidthBytesPerSecond: 50_000_000 },
      openRanges: ['10.1.2.0/24'],
      closedRanges: ['203.0.113.0/24'],
    })
    await agent.call('adopt', [nic])
    expect(await guest.call('tcp', '10.1.2.3', 80)).toContain('HIT')
    expect(await guest.call('tcp', '192.168.1.1', 80)).toBe('ECONNREFUSED')
    expect(await guest.call('tcp', '203.0.113.9', 80)).toBe('ECONNREFUSED')
    expect(await guest.call('tcp', '198.51.100.7', 80, { sendBytes: 1_000_000 })).toContain('HIT')
    await guest[Symbol.asyncDispose]()
    await agent.call('close', [])
    expect(await nft('list', 'ruleset')).toBe('')
    const { stdout } = await inNetns(hostNetns, 'ip', '-o', 'link')
    expect(stdout).not.toMatch(/pst-\d/)
    expect((await inNetns(hostNetns, 'ip', 'route')).stdout).not.toContain('unreachable')
  })
})
