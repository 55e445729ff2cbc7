// What a child sees of the environment when nobody says otherwise: where programs are and how text is encoded.
// Nothing is inherited, so that no secret of ours reaches a child by accident.

export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
}
