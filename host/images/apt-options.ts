// How apt on this host reaches its mirrors: proxies, retries, checks of dates. Taken from `apt-config dump` and given to
// the builds, which otherwise see no configuration of the host. Never left behind in an image. Pure.

const wanted =
  /^Acquire::(?:https?|ftp|tor|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date|Max-ValidTime|AllowWeak\w*)\b/i

/** Lines such as `Acquire::http::Proxy "http://proxy:3142";`. */
export const networkOptions = (dump: string): string[] =>
  dump
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => wanted.test(line) && /^[^\s"]+ "[^"]+";$/.test(line) && !/::User-Agent\b/i.test(line))

/** Credentials stay on the host and are read where they are. */
export const credentialOptions: readonly string[] = [
  'Dir::Etc::netrc "/etc/apt/auth.conf";',
  'Dir::Etc::netrcparts "/etc/apt/auth.conf.d/";',
]

/** Builds are unattended, small, and happen in directories that only root may enter. */
export const buildOptions: readonly string[] = [
  'APT::Sandbox::User "root";',
  'APT::Install-Recommends "false";',
  'Acquire::Languages "none";',
  'Acquire::Retries "3";',
]
