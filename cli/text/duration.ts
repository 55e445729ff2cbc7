// Times and sizes as people read them. Pure.

const pair = (big: number, bigName: string, small: number, smallName: string): string =>
  small === 0 ? `${big} ${bigName}` : `${big} ${bigName} ${small} ${smallName}`

/** `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`, `4 d 1 h`. */
export const durationText = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return pair(minutes, 'min', whole % 60, 's')
  const hours = Math.floor(minutes / 60)
  return hours < 48
    ? pair(hours, 'h', minutes % 60, 'min')
    : pair(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `0 B`, `1.5 KiB`, `300 MiB`. */
export const sizeText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes
  let unit = -1
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`
}
