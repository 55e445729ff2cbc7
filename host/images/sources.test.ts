import { describe, expect, test } from 'vitest'
import { formatDeb822, parseDeb822, parseOneLine, type AptEntry } from './apt-entry.ts'
import { distributionEntries, withoutCredentials } from './apt-filter.ts'
import { networkOptions } from './apt-options.ts'
import { parseRelease, UnsupportedHost } from './release.ts'

const bookworm = { id: 'debian', codename: 'bookworm', version: '12' } as const
const noble = { id: 'ubuntu', codename: 'noble', version: '24.04' } as const

const debian822 = `
# The image's own list
Types: deb deb-src
# http://snapshot.example/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
Components: contrib
`

const ubuntu822 = `Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main restricted
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: http://security.mirror.example/ubuntu/
Suites: noble-security
Components: main restricted universe multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
`

const oneLine = `
deb http://mirror.example/debian/ bookworm main contrib # the mirror
deb-src http://mirror.example/debian/ bookworm main
  deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] https://snapshots.example/archive/debian/20250520T000000Z bookworm-updates main
# deb http://mirror.example/debian bookworm-security main
deb cdrom:[Debian]/ bookworm main
nonsense
`

/** Entries as they stand in the lists of common vendors; some of them look much like a distribution's. */
const vendors = `
deb https://packages.cloud.example/apt cloud-sdk-bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.gpg] https://download.docker.example/linux/debian bookworm stable
deb [signed-by=/usr/share/keyrings/hashi-archive-keyring.gpg] https://apt.hashi.example bookworm main
deb [signed-by=/usr/share/keyrings/microsoft-prod.gpg] https://packages.ms.example/debian/12/prod bookworm main
deb [signed-by=/etc/apt/debian-archive-keyring.gpg/../evil.gpg] https://evil.example/debian bookworm main
deb http://apt.pg.example/pub/repos/apt bookworm-pgdg main
deb http://apt.vendor.example bookworm main
`

const shape = (entries: AptEntry[]): string[] =>
  entries.map(
    ({ uris, suites, components }) => `${uris.join(',')} ${suites.join(',')} ${components.join(',')}`,
  )

describe('which entries are the distribution', () => {
  test('Debian in deb822: release, updates and security, without backports and disabled ones', () => {
    expect(shape(distributionEntries(bookworm, parseDeb822(debian822)))).toEqual([
      'http://mirror.example/debian bookworm,bookworm-updates main,non-free-firmware',
      'http://mirror.example/debian-security bookworm-security main',
    ])
  })

  test('Ubuntu in deb822: universe is added where a lean server leaves it out', () => {
    expect(shape(distributionEntries(noble, parseDeb822(ubuntu822)))).toEqual([
      'http://mirror.example/ubuntu/ noble,noble-updates main,restricted,universe',
      'http://security.mirror.example/ubuntu/ noble-security main,restricted,universe,multiverse',
    ])
  })

  test('one-line lists: comments, sources, discs and nonsense are left out', () => {
    const entries = distributionEntries(bookworm, parseOneLine(oneLine))
    expect(shape(entries)).toEqual([
      'http://mirror.example/debian/ bookworm main,contrib',
      'https://snapshots.example/archive/debian/20250520T000000Z bookworm-updates main',
    ])
    expect(entries[1]?.options).toEqual({
      Architectures: 'amd64',
      'Signed-By': '/usr/share/keyrings/debian-archive-keyring.gpg',
    })
  })

  test.each(parseOneLine(vendors))('$uris $suites of a vendor stays out', (entry) => {
    expect(distributionEntries(bookworm, [entry])).toEqual([])
  })

  test('all vendors of the list above were read', () => expect(parseOneLine(vendors)).toHaveLength(7))

  test('another release of the distribution stays out', () => {
    expect(distributionEntries({ ...bookworm, codename: 'trixie' }, parseDeb822(debian822))).toEqual([])
  })

  test('a key inside the list is nobody we know', () => {
    const text = `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ\n -----END PGP PUBLIC KEY BLOCK-----\n`
    expect(distributionEntries(bookworm, parseDeb822(text))).toEqual([])
  })
})

test('an entry survives being written and read again', () => {
  const entries = distributionEntries(bookworm, parseDeb822(debian822))
  expect(parseDeb822(entries.map(formatDeb822).join('\n'))).toEqual(entries)
})

test('names and passwords of mirrors do not get into an image', () => {
  const [entry] = parseOneLine('deb https://name:secret@mirror.example/debian bookworm main')
  expect(withoutCredentials(entry!).uris).toEqual(['https://mirror.example/debian'])
})

test("apt's way through proxies is taken from the host, and nothing else", () => {
  const dump = [
    'APT::Architecture "amd64";',
    'Acquire "";',
    'Acquire::http "";',
    'Acquire::http::Proxy "http://proxy.example:3142";',
    'Acquire::https::Proxy::mirror.example "DIRECT";',
    'Acquire::http::User-Agent "x";',
    'Acquire::Check-Valid-Until "false";',
    'Acquire::Languages:: "en";',
    'DPkg::Post-Invoke:: "rm -rf /";',
  ].join('\n')
  expect(networkOptions(dump)).toEqual([
    'Acquire::http::Proxy "http://proxy.example:3142";',
    'Acquire::https::Proxy::mirror.example "DIRECT";',
    'Acquire::Check-Valid-Until "false";',
  ])
})

describe('the release of the host', () => {
  test.each([
    [
      'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n',
      { id: 'debian', codename: 'trixie', version: '13' },
    ],
    ['ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n', noble],
  ])('%j is known', (text, expected) => expect(parseRelease(text)).toEqual(expected))

  test.each([
    '',
    'ID=fedora\nPRETTY_NAME="Fedora 44"\n',
    'ID=debian\n',
    'ID=debian\nVERSION_CODENAME="../x"\n',
  ])('%j is refused in words', (text) => expect(() => parseRelease(text)).toThrow(UnsupportedHost))
})
